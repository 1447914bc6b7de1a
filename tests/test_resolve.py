"""One JSON per variant and per other stage: what an edit of params.yaml or of code changes in them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages import parameters, variants

ROOT = Path(__file__).parent.parent
SHIPPED = parameters.load(ROOT / "params.yaml")
RESOLVED = variants.resolve(SHIPPED)


@pytest.fixture
def copy(tmp_path):
    """A folder with copies of params.yaml and stages/, to edit."""
    shutil.copytree(ROOT / "stages", tmp_path / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path


def resolve(folder):
    """Runs the command; returns its line and the bytes of every file."""
    done = subprocess.run(
        [sys.executable, "-m", "stages.resolve", "params.yaml", "data/variants", "data/code"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout, {path.stem: path.read_bytes() for path in (folder / "data").rglob("*.json")}


def edit(path, old, new):
    source = path.read_text()
    assert source.count(old) == 1
    path.write_text(source.replace(old, new))


def test_every_variant_and_every_other_stage_has_a_file(copy):
    line, files = resolve(copy)
    assert line == "resolved 26 variants\n"
    others = {"download", "prepare", "build_backbone", "cache_features", "evaluate", "compare"}
    assert set(files) == {*RESOLVED, *others}
    written = {name: json.loads(content) for name, content in files.items()}
    assert {name: {k: v for k, v in written[name].items() if k != "code"} for name in RESOLVED} == RESOLVED
    codes = [written[name]["code"] for name in RESOLVED] + [written[name] for name in others]
    assert {len(code) for code in codes} == {64}
    assert len(set(codes)) == 5 + len(others)  # one for each architecture and for fine-tunes


def test_edits_change_the_files_they_concern(copy):
    """One folder edited again and again, as its user does."""
    _, before = resolve(copy)
    assert resolve(copy)[1] == before

    def changed():
        nonlocal before
        old, (_, before) = before, resolve(copy)
        return {name for name in old if old[name] != before[name]}

    params = copy / "params.yaml"
    edit(params, "  final: {extends: ", "  final: {seed: 7, extends: ")
    assert changed() == heirs("final", "seed") >= {"final", "adagrad", "adam_dropout"}
    edit(params, "  normalised: {extends: ", "  normalised: {zoom: 0.1, extends: ")
    assert changed() == heirs("normalised", "zoom") >= {"normalised", "flip", "final"}
    assert not {"basenet", "zoom_20", "flip_zoom_20"} & heirs("normalised", "zoom")
    edit(params, "  mlp_head: {extends: ", "  mlp_head: {seed: 1, extends: ")
    assert changed() == heirs("mlp_head", "seed") >= {"mlp_head", "conv_head", "frozen"}
    # a default counts for all whose section has the knob, but those that set it
    edit(params, "  flip: false ", "  flip: true ")
    assert changed() == {name for name, variant in RESOLVED.items() if variant.get("flip") is False}
    # a comment and a section of other stages do not count
    edit(params, "Twice the epochs", "Two times the epochs")
    edit(params, "report: Fig. 28", "report: Fig. 27")
    assert changed() == set()


def heirs(name, knob):
    """A variant, and those that extend it without setting the knob on the way."""
    (section,) = (SHIPPED[group] for group in variants.GROUPS if name in SHIPPED[group])
    found = {name}
    while (
        more := {child for child, own in section.items() if own.get("extends") in found and knob not in own}
        - found
    ):
        found |= more
    return found


@pytest.mark.parametrize("module", ["base_net", "deeper_net", "dense_head", "conv_head"])
def test_a_changed_network_changes_exactly_the_variants_that_use_it(copy, module):
    _, before = resolve(copy)
    path = copy / f"stages/networks/{module}.py"
    path.write_text(path.read_text() + "\nANSWER = 42\n")
    _, after = resolve(copy)
    users = {name for name, variant in RESOLVED.items() if variant.get("architecture") == module}
    assert {name for name in before if before[name] != after[name]} == users


def test_a_variant_that_is_gone_leaves_no_file(copy):
    resolve(copy)
    edit(copy / "params.yaml", "  zoom_30: {extends: normalised, zoom: 0.3}\n", "")
    line, files = resolve(copy)
    assert line == "resolved 25 variants\n"
    assert "zoom_30" not in files


def test_a_mistake_leaves_the_earlier_files(copy):
    _, before = resolve(copy)
    edit(copy / "params.yaml", "basenet: {epochs: 30}", "basenet: {epoch: 30}")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        resolve(copy)
    assert caught.value.stderr.startswith(
        "error: variants: variant 'basenet': unknown knob 'epoch'. Did you mean 'epochs'?"
    )
    assert {path.stem: path.read_bytes() for path in (copy / "data").rglob("*.json")} == before


FRAMEWORKS = {"tensorflow", "keras", "torch", "jax"}


@pytest.mark.parametrize("verb", ["resolve", "download", "prepare", "evaluate", "compare", "parameters"])
def test_commands_that_train_nothing_import_no_framework(verb):
    program = f"import sys, stages.{verb}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "stages" in done.stdout.split()
    assert not FRAMEWORKS & set(done.stdout.split())
