"""From archives to arrays through the commands themselves: numbers, order, provenance, whole folders."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages import download, prepare
from stages.datasets import cifar100, cub200, generated, python2_pickles
from stages.datasets.hashes import pixel_hash
from stages.errors import InputError
from stages.hashes import file_hash

PARAMETERS = """
mirror: mirror
sources:
  cifar100: {cifar-100-python.tar.gz: {bytes: 1, md5: "00000000000000000000000000000000", urls: ['http://127.0.0.1:9/a']}}
  cub200:
    images.tgz: {bytes: 1, md5: "00000000000000000000000000000000", urls: ['http://127.0.0.1:9/a']}
    lists.tgz: {bytes: 1, md5: "00000000000000000000000000000000", urls: ['http://127.0.0.1:9/a']}
datasets:
  cifar100: {classes: [0-3], image_size: 32, validation_share: 0.1, split_seed: 0}
  cub200: {classes: [all], image_size: 16, validation_share: 0.2, split_seed: 0}
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A folder with params.yaml and a mirror of four classes and three species, as the current one."""
    generated.write_mirror(
        tmp_path / "mirror",
        n_classes=4,
        train_per_class=10,
        test_per_class=4,
        n_species=3,
        train_per_species=5,
        test_per_species=2,
    )
    (tmp_path / "params.yaml").write_text(PARAMETERS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATA_MIRROR", raising=False)
    return tmp_path


def run(monkeypatch, dataset, out="out"):
    for command, arguments in ((download, [dataset, "archives"]), (prepare, [dataset, "archives", out])):
        monkeypatch.setattr(sys, "argv", [command.__name__, *arguments])
        command.main()


def arrays(folder):
    return tuple(np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("images", "labels", "split"))


def test_cifar100_becomes_arrays_and_one_line_says_so(study, monkeypatch, capsys):
    run(monkeypatch, "cifar100")
    images, labels, split = arrays(study / "out")
    assert (images.shape, images.dtype, labels.dtype, split.dtype) == ((56, 32, 32, 3), "u1", "i8", "u1")
    assert images.flags.c_contiguous
    assert np.bincount(split).tolist() == [36, 4, 16]
    assert json.loads((study / "out/class_names.json").read_text()) == [
        "apple",
        "aquarium_fish",
        "baby",
        "bear",
    ]
    assert capsys.readouterr().out.splitlines()[-1] == (
        "out: 36 train, 4 validation, 16 test images of 4 classes, 32 x 32; duplicates: 0 within train,"
        " 0 of test kept out of train, 0 within test; stand-in data"
    )


def test_cub200_becomes_arrays_with_plain_names(study, monkeypatch):
    run(monkeypatch, "cub200")
    images, labels, split = arrays(study / "out")
    assert images.shape == (21, 16, 16, 3)
    assert np.bincount(split).tolist() == [12, 3, 6]
    assert np.bincount(labels[split == 1]).tolist() == [1, 1, 1]
    names = json.loads((study / "out/class_names.json").read_text())
    assert names == ["Plain red disk", "Striped green square", "Checked blue ring"]


def test_the_manifest_says_what_was_made_of_what(study, monkeypatch):
    run(monkeypatch, "cub200")
    manifest = json.loads((study / "out/manifest.json").read_text())
    assert manifest == {
        "dataset": "cub200",
        "counts": {"train": 12, "validation": 3, "test": 6, "classes": 3},
        "duplicates": {"within_pool": 0, "within_test": 0, "pool_and_test": 0},
        "image_size": 16,
        "provenance": "stand-in",
        "sources": json.loads((study / "archives/provenance.json").read_text()),
        "sha256": {
            name: file_hash(study / "out" / name) for name in ("images.npy", "labels.npy", "split.npy")
        },
    }
    assert str(study) not in json.dumps(manifest)


def test_one_stand_in_makes_all_a_stand_in_and_only_official_files_are_official(study, monkeypatch):
    run(monkeypatch, "cub200")
    file = study / "archives/provenance.json"
    sources = json.loads(file.read_text())
    for kinds, provenance in ((("official", "stand-in"), "stand-in"), (("official", "official"), "official")):
        for entry, kind in zip(sources.values(), kinds, strict=True):
            entry["kind"] = kind
        file.write_text(json.dumps(sources))
        prepare.main()
        assert json.loads((study / "out/manifest.json").read_text())["provenance"] == provenance


def test_images_of_the_official_sets_are_sorted_by_label_and_pixels(study, monkeypatch):
    run(monkeypatch, "cifar100")
    images, labels, split = arrays(study / "out")
    hashes = [pixel_hash(image) for image in images]
    keys = list(zip((split == 2).tolist(), labels.tolist(), hashes, strict=True))
    assert keys == sorted(keys)


def test_another_order_in_the_archives_gives_the_same_arrays(study, monkeypatch):
    for dataset, archive, name in (
        ("cifar100", cifar100.ARCHIVE, "cifar-100-python"),
        ("cub200", cub200.IMAGES, "images"),
    ):
        run(monkeypatch, dataset)
        before = [file_hash(study / "out" / f"{part}.npy") for part in ("images", "labels", "split")]
        reverse(study / "mirror" / archive, name)
        generated.write_checksums(study / "mirror")
        run(monkeypatch, dataset)
        assert [file_hash(study / "out" / f"{part}.npy") for part in ("images", "labels", "split")] == before


def reverse(archive, folder):
    """Rewrites an archive with its members, and the rows within CIFAR's, the other way round."""
    from stages.datasets import pickles
    from stages.datasets.archives import read_members

    members = dict(reversed(list(read_members(archive, lambda name: True))))
    for name in ("cifar-100-python/train", "cifar-100-python/test"):
        if name in members:
            batch = pickles.load(members[name], name=name)
            members[name] = python2_pickles.dumps(
                {b"data": batch[b"data"][::-1], b"fine_labels": batch[b"fine_labels"][::-1]}
            )
    before = archive.read_bytes()
    generated.write_tar(archive, members)
    assert archive.read_bytes() != before


def test_another_split_changes_split_npy_alone(study, monkeypatch):
    run(monkeypatch, "cifar100", "first")
    for change in (("split_seed: 0", "split_seed: 1"), ("validation_share: 0.1", "validation_share: 0.2")):
        (study / "params.yaml").write_text(PARAMETERS.replace(*change, 1))
        run(monkeypatch, "cifar100", "second")
        first, second = arrays(study / "first"), arrays(study / "second")
        assert [bool(np.array_equal(*pair)) for pair in zip(first, second, strict=True)] == [
            True,
            True,
            False,
        ]
        assert file_hash(study / "first/images.npy") == file_hash(study / "second/images.npy")


def test_the_same_archives_give_the_same_folder(study, monkeypatch):
    run(monkeypatch, "cub200", "first")
    run(monkeypatch, "cub200", "second")
    first, second = (
        {path.name: path.read_bytes() for path in (study / out).iterdir()} for out in ("first", "second")
    )
    assert first == second
    assert sorted(first) == ["class_names.json", "images.npy", "labels.npy", "manifest.json", "split.npy"]


def test_images_equal_to_test_images_are_counted_and_do_not_train(study, monkeypatch):
    rows = np.random.default_rng(0).integers(0, 256, (22, 3072), np.uint8)
    rows[1] = rows[0]
    train, test = rows[:20], np.stack([rows[5], rows[21]])
    parts = {"train": (train, [0, 1] * 10), "test": (test, [1, 0])}
    meta = {b"fine_label_names": [name.encode() for name in generated.FINE_NAMES]}
    contents = {"cifar-100-python/meta": python2_pickles.dumps(meta)}
    for name, (data, labels) in parts.items():
        contents[f"cifar-100-python/{name}"] = python2_pickles.dumps({b"data": data, b"fine_labels": labels})
    generated.write_tar(study / "mirror" / cifar100.ARCHIVE, contents)
    generated.write_checksums(study / "mirror")
    (study / "params.yaml").write_text(PARAMETERS.replace("0-3", "0-1"))
    run(monkeypatch, "cifar100")
    manifest = json.loads((study / "out/manifest.json").read_text())
    assert manifest["duplicates"] == {"within_pool": 1, "within_test": 0, "pool_and_test": 1}
    images, _, split = arrays(study / "out")
    trained = {image.tobytes() for image in images[split == 0]}
    assert not trained & {image.tobytes() for image in images[split != 0]}
    assert np.bincount(split).tolist() == [18, 2, 2]


def test_a_failure_leaves_the_earlier_folder_and_nothing_else(study, monkeypatch):
    run(monkeypatch, "cub200")
    before = sorted(study.rglob("*"))
    (study / "params.yaml").write_text(PARAMETERS.replace("[all]", "[owl]"))
    with pytest.raises(InputError, match=r"classes\[0\] is 'owl', expected a class of the archive"):
        prepare.main()
    assert sorted(study.rglob("*")) == before


def test_archives_that_changed_since_they_were_fetched_are_an_error(study, monkeypatch):
    run(monkeypatch, "cub200")
    (study / "archives/lists.tgz").write_bytes(b"other")
    with pytest.raises(InputError, match=r"archives/lists.tgz has changed since it was fetched"):
        prepare.main()


def test_archives_without_provenance_are_an_error_that_names_the_command(study, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prepare", "cub200", "mirror", "out"])
    with pytest.raises(
        InputError, match=r"no mirror/provenance.json; make it with `python -m stages.download`"
    ):
        prepare.main()


def provenance(study):
    return json.loads((study / "archives/provenance.json").read_text())


@pytest.mark.parametrize(
    "content",
    [
        *("{", "", "\xff", "[" * 100_000, "[]", "{}", "null", '{"lists.tgz": {}}', '{"lists.tgz": 5}'),
        '{"lists.tgz": {"kind": "real", "sha256": "0"}}',
        '{"lists.tgz": {"kind": "official"}}',
        '{"lists.tgz": {"kind": "official", "sha256": 0}}',
        '{"../mirror/lists.tgz": {"kind": "official", "sha256": "0"}}',
    ],
    ids=lambda content: content[:50],
)
def test_provenance_that_download_did_not_write_is_an_error(study, monkeypatch, content):
    run(monkeypatch, "cub200")
    (study / "archives/provenance.json").write_text(content, encoding="latin-1")
    with pytest.raises(
        InputError,
        match=r"^archives/provenance\.json (is no JSON|does not give kind .*); fetch the archives again$",
    ):
        prepare.main()


def test_an_archive_that_provenance_does_not_vouch_for_is_an_error(study, monkeypatch):
    run(monkeypatch, "cub200")
    sources = provenance(study)
    del sources["images.tgz"]
    (study / "archives/provenance.json").write_text(json.dumps(sources))
    with pytest.raises(
        InputError, match=r"^archives/images\.tgz is not in provenance\.json; fetch the archives"
    ):
        prepare.main()


def test_a_missing_archive_is_an_error(study, monkeypatch):
    run(monkeypatch, "cub200")
    (study / "archives/images.tgz").unlink()
    with pytest.raises(InputError, match=r"^archives/images\.tgz has changed since it was fetched"):
        prepare.main()


@pytest.mark.parametrize("dataset", ["cifar100", "cub200"])
def test_a_full_disk_ends_with_one_line_and_leaves_nothing(study, monkeypatch, dataset):
    run(monkeypatch, dataset)
    before = sorted(path for path in study.rglob("*") if path.name != "out")
    limited = "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))"
    command = f"{limited}; runpy.run_module('stages.prepare', run_name='__main__')"
    ended = subprocess.run(
        [sys.executable, "-c", command, dataset, "archives", "other"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.fullmatch(r"error: File too large.*make room on the disk.*\n", ended.stderr)
    assert sorted(path for path in study.rglob("*") if path.name != "out") == before
