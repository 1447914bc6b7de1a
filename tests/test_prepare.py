"""From archives or an own folder to arrays through the command itself: numbers, bytes, provenance."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import call
from small_archives import FINE_NAMES, write_cifar100, write_folder

from stages import prepare
from stages.datasets import prepared
from stages.runtime import resolved
from stages.runtime.errors import InputError
from stages.runtime.hashes import file_hash

CIFAR = {"format": "cifar100", "from": "archives", "classes": ["0-3"], "image_size": 32}
PETS = {"format": "folder", "from": "pets", "classes": ["all"], "image_size": 8}
SHARES = {"validation_share": 0.1, "split_seed": 0}


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A folder with archives of four classes and an own folder of two, as the current one."""
    monkeypatch.chdir(tmp_path)
    write_archives()
    write_folder(tmp_path / "pets", {"cats": 10, "dogs": 20})
    return tmp_path


def write_archives(note="", **options):
    """Writes what `download` would."""
    archive = write_cifar100(Path("archives"), **options)
    entry = {"kind": "official", "sha256": file_hash(archive), "note": note}
    (archive.parent / "provenance.json").write_text(json.dumps({archive.name: entry}))


def run(knobs, out="out"):
    """Prepares a dataset; returns the bytes of its files by name."""
    resolved.write(Path("item.json"), "prepare", SHARES | knobs, (f"stages.datasets.{knobs['format']}",))
    prepare.main(["item.json", out, "sizes", "provenance.json"])
    return {path.name: path.read_bytes() for path in Path(out).iterdir()}


def test_archives_become_a_dataset_and_one_line_says_so(study, capsys):
    assert sorted(run(CIFAR)) == [
        "class_names.json",
        "images.npy",
        "labels.npy",
        "manifest.json",
        "split.npy",
    ]
    data = prepared.read(study / "out")
    assert (data.inputs.shape, data.class_names) == ((56, 32, 32, 3), FINE_NAMES[:4])
    assert data.counts == {"train": 36, "validation": 4, "test": 16, "left_out": 0, "classes": 4}
    assert capsys.readouterr().out == (
        "out: 36 train, 4 validation, 16 test images of 4 classes, 32 x 32; duplicates: 0 within train"
        " and validation, 0 within test; 0 left out, as they are also in test; official data\n"
    )


def test_an_own_folder_becomes_a_dataset_of_own_data(study):
    run(PETS)
    assert prepared.read(study / "out").counts == {
        "train": 22,
        "validation": 2,
        "test": 6,
        "left_out": 0,
        "classes": 2,
    }
    written = json.loads(Path("provenance.json").read_text())
    assert (written["kind"], written["format"], list(written["sources"])) == ("own", "folder", ["pets"])


def test_unbalanced_classes_are_told_with_the_knob_that_helps(study, capsys):
    run(PETS)
    assert "note" not in capsys.readouterr().out
    run(PETS | {"from": str(write_folder(study / "more", {"cats": 10, "dogs": 30}))})
    note = (
        "\nnote: the classes are unbalanced, 30 images of 'dogs' and 10 images of 'cats'; class_weights: bal"
    )
    assert note in capsys.readouterr().out


def test_a_format_gets_the_knobs_it_takes_and_no_other(study):
    run(PETS | {"test_share": 0.5})
    assert prepared.read(study / "out").counts["test"] == 15
    run(CIFAR | {"test_share": 0.5})
    assert prepared.read(study / "out").counts["test"] == 16


def test_further_sizes_lie_beside_with_their_hashes(study):
    run(PETS | {"sizes": [4, 8], "resize": "crop"})
    assert np.load("sizes/4.npy").shape == (30, 4, 4, 3)
    assert Path("sizes/8.npy").samefile("out/images.npy")
    hashes = {name: file_hash(Path("sizes", name)) for name in ("4.npy", "8.npy")}
    assert json.loads(Path("sizes/manifest.json").read_text()) == {"sha256": hashes}
    assert prepared.read(study / "out").resize == "crop"


@pytest.mark.parametrize("change", ["add", "replace", "remove"])
def test_a_folder_that_changes_while_it_is_read_is_refused_and_nothing_is_left(study, monkeypatch, change):
    pack = prepare.packing.pack

    def changing(*arguments, **options):
        if change == "add":
            write_folder(study / "pets", {"cats/more": 1}, seed=50)
        elif change == "replace":
            (study / "pets/cats/0.png").write_bytes((study / "pets/cats/1.png").read_bytes())
        else:
            (study / "pets/cats/0.png").unlink()
        return pack(*arguments, **options)

    monkeypatch.setattr(prepare.packing, "pack", changing)
    with pytest.raises(InputError, match="pets changed while it was being read; run again"):
        run(PETS)
    assert not (study / "out").exists()
    assert not (study / "sizes").exists()


@pytest.mark.parametrize("change", [{"split_seed": 1}, {"validation_share": 0.2}])
def test_another_choice_of_validation_images_changes_split_npy_alone(study, change):
    first, second = run(CIFAR, "first"), run(CIFAR | change, "second")
    assert {name for name in first if first[name] != second[name]} == {"split.npy", "manifest.json"}


@pytest.mark.parametrize(
    ("knobs", "problem"),
    [
        (CIFAR | {"validation_share": 0.0}, "leaves 40 train, 0 validation, 16 test images"),
        (CIFAR | {"classes": ["owl"]}, "classes: received 'owl', expected the name of a class"),
        (CIFAR | {"from": "nowhere"}, "nowhere is your own input, but does not exist"),
        (PETS | {"from": "archives"}, "archives holds 0 images"),
    ],
)
def test_a_failure_leaves_the_earlier_folder_and_nothing_else(study, knobs, problem):
    run(CIFAR)
    before = {path: path.stat().st_mtime_ns for path in study.rglob("*") if path.name != "item.json"}
    with pytest.raises(InputError, match=problem):
        run(knobs)
    after = {path: path.stat().st_mtime_ns for path in study.rglob("*") if path.name != "item.json"}
    assert after.keys() == before.keys()
    assert after[study / "out/images.npy"] == before[study / "out/images.npy"]


@pytest.mark.parametrize("knobs", [CIFAR, PETS])
def test_a_full_disk_ends_with_one_line_and_leaves_nothing(study, knobs):
    run(knobs)
    before = sorted(study.rglob("*"))
    limited = "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))"
    command = f"{limited}; runpy.run_module('stages.prepare', run_name='__main__')"
    ended = call(study, sys.executable, "-c", command, "item.json", "other", "sizes", "provenance.json")
    assert ended.returncode == 1
    assert re.fullmatch(r"error: File too large.*\n", ended.stderr)
    assert sorted(study.rglob("*")) == before
