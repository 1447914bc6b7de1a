"""Fingerprints of code: what Python executes counts, wherever it is imported; how it looks does not."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages import code, resolve

ROOT = Path(__file__).parent.parent
VERBS = {verb: (f"stages.{verb}", frozenset()) for verb in resolve.OTHERS} | {
    "train base_net": ("stages.train", resolve.NETWORKS - {"stages.networks.base_net"}),
    "train deeper_net": ("stages.train", resolve.NETWORKS - {"stages.networks.deeper_net"}),
    "train dense_head": ("stages.train_head", resolve.NETWORKS - {"stages.networks.dense_head"}),
    "train conv_head": ("stages.train_head", resolve.NETWORKS - {"stages.networks.conv_head"}),
    "fine_tune": ("stages.fine_tune", resolve.NETWORKS),
}
TRAININGS = ["fine_tune", "train base_net", "train conv_head", "train deeper_net", "train dense_head"]


def fingerprints(root):
    """What each stage's code hashes to."""
    return {
        verb: code.fingerprint(code.closure(module, root, without=without), root)
        for verb, (module, without) in VERBS.items()
    }


@pytest.fixture(scope="module")
def original():
    return fingerprints(ROOT)


@pytest.fixture
def copy(tmp_path):
    """A folder with a copy of stages/, to edit."""
    shutil.copytree(ROOT / "stages", tmp_path / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def modules(root):
    return sorted((root / "stages").rglob("*.py"))


def changed(root, original):
    return sorted(verb for verb, value in fingerprints(root).items() if value != original[verb])


def test_a_copy_elsewhere_has_the_same_fingerprints(copy, original):
    assert changed(copy, original) == []


def test_comments_and_blank_lines_do_not_count(copy, original):
    for path in modules(copy):
        lines = path.read_text().splitlines()
        path.write_text("# first\n\n" + "\n".join(lines) + "  # behind\n\n\n    # last\n")
    assert changed(copy, original) == []


def test_docstrings_do_not_count(copy, original):
    n_replaced = 0
    for path in modules(copy):
        lines = path.read_text().splitlines()
        kinds = ast.Module | ast.ClassDef | ast.FunctionDef
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, kinds)]
        found = [node.body[0] for node in nodes if ast.get_docstring(node)]
        for docstring in sorted(found, key=lambda statement: -statement.lineno):
            indent = " " * docstring.col_offset
            lines[docstring.lineno - 1 : docstring.end_lineno] = [f'{indent}"""Another text."""']
        n_replaced += len(found)
        path.write_text("\n".join(lines) + "\n")
    assert n_replaced > 150
    assert changed(copy, original) == []


def test_a_docstring_added_does_not_count(copy, original):
    path = copy / "stages/results/learning_curves.py"
    bare = "def _epoch(row: dict[str, str], path: Path) -> int:\n"
    assert path.read_text().count(bare) == 1
    path.write_text(path.read_text().replace(bare, f'{bare}    """New."""\n'))
    assert changed(copy, original) == []


def test_another_layout_does_not_count(copy, original):
    settings = ("--isolated", "--line-length=60", "--config", "format.quote-style='single'")
    before = [path.read_text() for path in modules(copy)]
    subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--quiet", *settings, "stages"], cwd=copy, check=True
    )
    after = [path.read_text() for path in modules(copy)]
    assert sum(old != new for old, new in zip(before, after, strict=True)) > 30
    assert changed(copy, original) == []


def test_a_changed_constant_counts(copy, original):
    path = copy / "stages/training/augmentation.py"
    source = path.read_text()
    path.write_text(source.replace("rng.random(len(images)) < 0.5", "rng.random(len(images)) < 0.6"))
    assert path.read_text() != source
    assert changed(copy, original) == TRAININGS


def test_a_new_line_of_a_package_counts_for_all_that_import_from_it(copy, original):
    path = copy / "stages/datasets/__init__.py"
    path.write_text(path.read_text() + "\nANSWER = 42\n")
    assert changed(copy, original) == ["download", "prepare"]


@pytest.fixture(scope="module")
def closures():
    return {verb: code.closure(module, ROOT, without=without) for verb, (module, without) in VERBS.items()}


@pytest.mark.parametrize(
    ("module", "stages"),
    [
        ("networks/base_net", ["train base_net"]),
        ("networks/deeper_net", ["train deeper_net"]),
        ("networks/dense_head", ["train dense_head"]),
        ("networks/conv_head", ["train conv_head"]),
        ("networks/layers", ["train base_net", "train conv_head", "train deeper_net", "train dense_head"]),
        ("networks/small_backbone", []),
        (
            "networks/resnet50",
            ["build_backbone", "cache_features", "fine_tune", "train conv_head", "train dense_head"],
        ),
        ("training/augmentation", TRAININGS),
        ("training/fitting", TRAININGS),
        ("training/backend", ["cache_features", *TRAININGS]),
        ("training/saving", ["build_backbone", *TRAININGS]),
        ("training/fine_tuning", ["fine_tune"]),
        ("train", ["train base_net", "train deeper_net"]),
        ("train_head", ["train conv_head", "train dense_head"]),
        ("fine_tune", ["fine_tune"]),
        ("cache_features", ["cache_features"]),
        ("build_backbone", ["build_backbone"]),
        ("datasets/cifar100", ["prepare"]),
        ("datasets/cub200", ["prepare"]),
        ("datasets/splits", ["prepare"]),
        ("datasets/transfers", ["download"]),
        ("datasets/hashes", ["download", "prepare"]),
        ("datasets/generated", []),
        ("results/classification", ["compare", "evaluate"]),
        ("results/variant_plots", ["evaluate"]),
        ("results/summary", ["compare"]),
        ("evaluate", ["evaluate"]),
        ("compare", ["compare"]),
        ("parameters", ["cache_features", "compare", "download", "prepare"]),
        ("variants", []),
        ("code", []),
        ("resolve", []),
        ("demo", []),
        ("atomic", sorted(VERBS)),
        ("locks", sorted(VERBS)),
        ("interruptions", sorted(VERBS)),
        ("hashes", sorted(set(VERBS) - {"compare"})),
        ("memmaps", ["cache_features", "prepare"]),
        ("__init__", sorted(VERBS)),
        ("networks/__init__", ["build_backbone", "cache_features", *TRAININGS]),
    ],
)
def test_a_module_counts_for_the_stages_that_import_it(closures, module, stages):
    name = f"stages.{module}".replace("/", ".").removesuffix(".__init__")
    assert (ROOT / f"stages/{module}.py").is_file()
    assert [verb for verb in sorted(VERBS) if name in closures[verb]] == stages


# What each command really imports, with Keras replaced by a stand-in, which takes no seconds.
IMPORT = """
import importlib, json, sys
from unittest.mock import MagicMock
sys.modules["keras"] = MagicMock()
loaded = {}
for verb in sys.argv[1:]:
    for name in [name for name in sys.modules if name.partition(".")[0] == "stages"]:
        del sys.modules[name]
    importlib.import_module(verb)
    loaded[verb] = sorted(name for name in sys.modules if name.partition(".")[0] == "stages")
print(json.dumps(loaded))
"""


def test_the_closure_is_what_python_imports():
    verbs = [f"stages.{verb}" for verb in (*resolve.OTHERS, "train", "train_head", "fine_tune")]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, *verbs], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == {verb: sorted(code.closure(verb, ROOT)) for verb in verbs}


@pytest.fixture
def project(tmp_path):
    """A function that writes modules of a small project."""

    def project(**sources):
        for name, source in sources.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(source)
        for folder in {path.parent for path in tmp_path.rglob("*.py")} - {tmp_path}:
            (folder / "__init__.py").touch()
        return tmp_path

    return project


@pytest.mark.parametrize(
    "source",
    [
        "import room.noun",
        "import room.noun as other",
        "import json, room.noun",
        "from room import noun",
        "from room import noun as other",
        "from room.noun import thing",
        "from room.noun import *",
        "def main():\n    from room import noun",
        "def main():\n    import room.noun",
        "if True:\n    try:\n        from room.noun import thing\n    except ImportError:\n        pass",
    ],
)
def test_every_way_to_import_counts(project, source):
    root = project(verb=source, room__noun="thing = 1", room__other="")
    assert code.closure("verb", root) == {"verb", "room", "room.noun"}


@pytest.mark.parametrize("source", ["from .noun import thing", "from . import noun"])
def test_relative_imports_count(project, source):
    root = project(room__verb=source, room__noun="thing = 1")
    assert code.closure("room.verb", root) == {"room", "room.verb", "room.noun"}


def test_imports_of_imports_and_circles_count(project):
    root = project(verb="import room.a", room__a="import room.b", room__b="import room.a, os, numpy.linalg")
    assert code.closure("verb", root) == {"verb", "room", "room.a", "room.b"}


def test_a_module_left_out_takes_along_what_it_alone_imports(project):
    root = project(
        verb="import room.a, room.b", room__a="import room.alone, room.both", room__b="import room.both"
    ) and project(room__alone="", room__both="")
    found = code.closure("verb", root, without=frozenset({"room.a"}))
    assert found == {"verb", "room", "room.b", "room.both"}


def test_a_function_that_moves_between_modules_counts(project):
    root = project(verb="import room.a, room.b", room__a="x = 1", room__b="")
    before = code.fingerprint(code.closure("verb", root), root)
    project(room__a="", room__b="x = 1")
    assert code.fingerprint(code.closure("verb", root), root) != before


def test_a_text_that_is_no_docstring_counts(project):
    root = project(verb="x = 1\n'text'")
    before = code.fingerprint({"verb"}, root)
    project(verb="x = 1\n'other'")
    assert code.fingerprint({"verb"}, root) != before
