"""One JSON per variant and per other stage: what an edit of params.yaml or of code changes in them."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stages import parameters, variants
from stages import resolve as resolve_stage
from stages.errors import InputError

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
    for gone in (
        "  zoom_30: {extends: normalised, zoom: 0.3}\n",
        "  zoom_30: {section: '2.2', figure: Fig. 5}\n",
    ):
        edit(copy / "params.yaml", gone, "")
    edit(copy / "params.yaml", "[normalised, zoom_20, zoom_30,", "[normalised, zoom_20,")
    line, files = resolve(copy)
    assert line == "resolved 25 variants\n"
    assert "zoom_30" not in files


def test_a_mistake_leaves_the_earlier_files(copy):
    _, before = resolve(copy)
    edit(copy / "params.yaml", "basenet: {epochs: 30}", "basenet: {epoch: 30}")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        resolve(copy)
    assert caught.value.stderr == (
        "error: params.yaml, line 84: variants.basenet.epoch is unknown. Did you mean 'epochs'?\n"
    )
    assert {path.stem: path.read_bytes() for path in (copy / "data").rglob("*.json")} == before


EDITS = [  # of the shipped file, each a mistake: what stands there, what is written instead, what is told
    ("mirror: ''", "mirror: 5", "mirror is 5, expected a text"),
    ("bytes: 169001437", "byts: 169001437", "cifar-100-python.tar.gz.byts is unknown. Did you mean 'bytes'?"),
    ("  cub200:      #", "  cub20:      #", "sources.cub20 is unknown. Did you mean 'cub200'?"),
    ("classes: [0-24]", "classes: [0-24, 12]", "datasets.cifar100.classes[1] is 12, but '0-24' chooses 12"),
    ("image_size: 224", "image_sise: 224", "cub200.image_sise is unknown. Did you mean 'image_size'?"),
    ("{threads: 2,", "{thread: 2,", "features.thread is unknown. Did you mean 'threads'?"),
    (
        "batch_size: 32}",
        "batch_size: 0}",
        "features.batch_size is 0, expected a whole number from 1 to 65536",
    ),
    ("  epochs: 30      ", "  epochs: -3      ", "defaults.epochs is -3, expected a whole number from 1"),
    (
        "{extends: basenet,",
        "{extends: basnet,",
        "normalised.extends is 'basnet', expected a name under variants.",
    ),
    ("zoom: 0.3}", "zoom: '3e-1'}", "variants.zoom_30.zoom is '3e-1', expected a number, at least 0.0"),
    ("zoom: 0.5}", "zoom: .nan}", "variants.zoom_50.zoom is nan, expected a number, at least 0.0"),
    ("  flip: {ext", "  Basenet: {}\n  flip: {ext", "variants.Basenet is taken by variants.basenet;"),
    (
        "  deeper_2:     ",
        "  $(id): {}\n  deeper_2:     ",
        "variants.$(id) is no name: letters, digits, _ and - only",
    ),
    ("[32, 64, 128, 256]", "[32, 64, 128]", "deeper_2.filters is [32, 64, 128], expected an even number"),
    ("name: Adagrad", "name: Adagrd", "adagrad.optimizer.class_name is 'Adagrd', expected one of Adadelta,"),
    ("rho: 0.95", "roh: 0.95", "adadelta.optimizer.config.roh is unknown. Did you mean 'rho'?"),
    ("pooling: flatten\n  conv", "poling: flatten\n  conv", "conv_head.poling is unknown. Did you mean"),
    (
        "starts_from: frozen",
        "starts_from: froze",
        "fine_tuned.starts_from is 'froze', expected a name under heads.",
    ),
    ("  zoom_20: {section", "  zoom_2: {section", "report.zoom_2 is no variant. Did you mean 'zoom_20'?"),
    ("accuracy: 0.7491", "accuracy: 74.91", "report.adam_dropout.accuracy is 74.91, expected a number"),
    ("comparisons:", "plots: {}\ncomparisons:", "plots is unknown. Known here: mirror, sources, datasets,"),
    ("[adam, adam_dropout]", "[adam, adam_drop]", "severe_dropout.variants[1] is 'adam_drop', no variant."),
]


def test_all_mistakes_of_the_file_are_told_at_once_each_with_its_line(copy):
    """One line each, in the file's order; those that extend a wrong variant repeat nothing."""
    path = copy / "params.yaml"
    for old, new, _ in EDITS:
        edit(path, old, new)
    text = path.read_text()
    with pytest.raises(subprocess.CalledProcessError) as caught:
        resolve(copy)
    lines = caught.value.stderr.removeprefix("error: ").splitlines()
    assert len(lines) == len(EDITS)
    for line, (_, new, problem) in zip(lines, EDITS, strict=True):
        number = text.count("\n", 0, text.index(new)) + 1
        assert line.strip().startswith(f"params.yaml, line {number}: ")
        assert problem in line
    assert not (copy / "data").exists()


@pytest.mark.parametrize("section", list(SHIPPED))
def test_a_misspelt_section_is_one_mistake(section):
    study = {(f"{name}x" if name == section else name): value for name, value in SHIPPED.items()}
    (mistake,) = resolve_stage.mistakes(study)
    assert str(mistake) == f"{section}x is unknown. Did you mean {section!r}?"


def test_a_misspelt_archive_is_told_before_it_is_downloaded(copy):
    edit(copy / "params.yaml", "    lists.tgz:", "    list.tgz:")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        resolve(copy)
    assert caught.value.stderr == (
        "error: params.yaml, line 25: sources.cub200.list.tgz is unknown. Did you mean 'lists.tgz'?\n"
    )


def test_dvc_repro_runs_no_command_that_hides_in_a_name(copy):
    """DVC pastes names into commands unquoted; `resolve` runs before any of these and refuses them."""
    shutil.copy(ROOT / "dvc.yaml", copy)
    edit(copy / "params.yaml", "  basenet: {ep", "  x; touch pwned: {}\n  $(touch pwned): {}\n  basenet: {ep")
    search = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": search, "DATA_MIRROR": "nowhere", "DVC_NO_ANALYTICS": "1"}
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "--no-scm", "--quiet"], cwd=copy, env=environment, check=True)
    for command in (["repro"], ["repro", "train@x; touch pwned"]):
        done = subprocess.run([*dvc, *command], cwd=copy, env=environment, capture_output=True, text=True)
        assert "params.yaml, line 84: variants.'x; touch pwned' is no name" in done.stderr
        assert "params.yaml, line 85: variants.'$(touch pwned)' is no name" in done.stderr
        assert done.returncode != 0
    assert not list(copy.rglob("*pwned*"))


def test_a_missing_section_is_named():
    study = {name: value for name, value in SHIPPED.items() if name != "features"}
    assert [str(mistake) for mistake in resolve_stage.mistakes(study)] == ["the file lacks features"]


def places(value, place=()):
    """All places of a mapping's content."""
    yield place
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*place, key))


def edited(value, place, change):
    """A copy with what stands at a place changed; `change` gives a key and a value, or None to drop it."""
    (key, *rest) = place
    if isinstance(value, list):
        return [edited(item, rest, change) if rest else change(0, item)[1] for item in value]
    if rest:
        return {k: edited(v, rest, change) if k == key else v for k, v in value.items()}
    changed = [change(k, v) if k == key else (k, v) for k, v in value.items()]
    return dict(pair for pair in changed if pair)


SCALARS = st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats() | st.text(max_size=9)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner)
)
WORDS = st.sampled_from(
    ["all", "none", "1e-5", "final", "frozen", "basenet", "SGD", "0-300", -1, 0, 1.0, 10**9]
)
PLACES = list(places(SHIPPED))[1:]


@settings(deadline=None, max_examples=300)
@given(
    place=st.sampled_from(PLACES), value=ANYTHING | WORDS, key=st.text(max_size=9) | SCALARS, data=st.data()
)
def test_any_edit_gives_resolved_variants_or_mistakes_that_say_where(place, value, key, data):
    change = data.draw(
        st.sampled_from([lambda k, v: (k, value), lambda k, v: None, lambda k, v: (key, v)])
        if isinstance(place[-1], str)
        else st.just(lambda k, v: (k, value))
    )
    study = edited(SHIPPED, place, change)
    found = list(resolve_stage.mistakes(study))
    for mistake in found:
        assert len(str(mistake).splitlines()) == 1
        assert len(str(mistake)) < 500
        assert str(mistake)[0] != " "
    if not found:
        assert all(json.loads(json.dumps(knobs)) == knobs for knobs in variants.resolve(study).values())


@settings(deadline=None, max_examples=50)
@given(place=st.sampled_from(PLACES), value=ANYTHING | WORDS)
def test_in_the_file_every_mistake_has_its_line(place, value, tmp_path_factory):
    study = edited(SHIPPED, place, lambda k, v: (k, value))
    path = tmp_path_factory.getbasetemp() / "params.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(study, file)
    try:
        parameters.load(path, resolve_stage.mistakes)
        told = f"{path}, line 1: fine"
    except InputError as error:
        told = str(error)
    assert all(re.match(rf" *{re.escape(str(path))}, line \d+: .", line) for line in told.splitlines())


@settings(deadline=None, max_examples=20)
@given(st.randoms())
def test_resolved_variants_and_mistakes_do_not_depend_on_the_order_of_the_file(random):
    def shuffled(value):
        if not isinstance(value, dict):
            return value
        keys = random.sample(list(value), len(value))
        return {key: shuffled(value[key]) for key in keys}

    assert variants.resolve(shuffled(SHIPPED)) == RESOLVED
    wrong = edited(SHIPPED, ("variants", "final", "block_dropout"), lambda k, v: ("zom", [0.5]))
    wrong["heads"] = wrong["heads"] | {"linear_head": {"extends": "conv_head"}}
    assert len(set(map(str, resolve_stage.mistakes(shuffled(wrong))))) == 2


FRAMEWORKS = {"tensorflow", "keras", "torch", "jax"}


@pytest.mark.parametrize("verb", ["resolve", "download", "prepare", "evaluate", "compare", "parameters"])
def test_commands_that_train_nothing_import_no_framework(verb):
    program = f"import sys, stages.{verb}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "stages" in done.stdout.split()
    assert not FRAMEWORKS & set(done.stdout.split())
