"""The rooms of stages/: imports point one way, every module has its own name, verbs answer at once."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STAGES = ROOT / "stages"
VERBS = {
    *("resolve", "download", "prepare", "build_backbone", "cache_features", "label_features", "train"),
    *("train_head", "fine_tune", "evaluate", "compare", "report", "verify", "run", "predict", "export"),
    *("variants", "new"),
}
MAY_IMPORT = {
    "runtime": set(),
    "study": {"runtime"},
    "sources": {"runtime"},
    "datasets": {"runtime", "sources.provenance"},
    "networks": {"runtime"},
    "losses": set(),
    "schedules": set(),
    "augmentation": set(),
    "pooling": {"networks.operations", "runtime"},
    "feature_steps": {"networks.operations"},
    "backbones": {"networks", "runtime"},
    "features": {"backbones", "networks", "runtime"},
    "training": {
        *("networks", "backbones", "augmentation", "datasets.prepared", "results.run_folder", "runtime"),
    },
    "results": {"runtime"},
    "page": {"results", "datasets.prepared", "runtime"},
    "workspace": {"study", "results", "datasets.prepared", "sources.provenance", "runtime"},
    "trainers": {"training", "networks", "runtime"},
    "classifiers": {"backbones", "features", "networks", "results.run_folder", "runtime"},
    "projects": {"datasets", "runtime"},
    "demo": {
        "projects",
        "runtime",
        "study",
        "sources",
        "datasets",
        "networks",
        "backbones",
        "training",
        "results",
    },
}
READ_PARAMS = {"resolve", "workspace", "verify", "variants", "predict"}  # and demo


def modules():
    """Returns all modules of stages/, dotted and without `stages.`."""
    paths = sorted(STAGES.rglob("*.py"))
    return {
        path: ".".join(path.relative_to(STAGES).with_suffix("").parts).removesuffix("__init__").rstrip(".")
        for path in paths
    }


def imported(path):
    """Returns the modules of stages/ that a file imports anywhere, dotted and without `stages.`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            # of a package a module, of a module a name
            names |= {n if _is_module(n) else node.module for n in whole}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.removeprefix("stages.") for name in names if name.startswith("stages.")}


def _is_module(name):
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").is_file() or place.is_dir()


IMPORTS = {name: imported(path) for path, name in modules().items()}


def within(name, place):
    return f"{name}.".startswith(f"{place}.")


def test_verbs_alone_are_on_top_and_every_room_has_its_arrows():
    assert {path.stem for path in STAGES.glob("*.py")} == {"__init__", *VERBS}
    assert {path.parent.name for path in STAGES.glob("*/__init__.py")} == set(MAY_IMPORT)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_its_arrows_allow(room):
    allowed = {room, *MAY_IMPORT[room]}
    wrong = [
        f"{name} imports {other}"
        for name, others in IMPORTS.items()
        if within(name, room)
        for other in others
        if not any(within(other, place) for place in allowed)
    ]
    assert wrong == []


def test_only_what_is_about_params_reads_it_so_that_no_result_depends_on_all_of_it():
    readers = {name for name, others in IMPORTS.items() if any(within(other, "study") for other in others)}
    assert {name.partition(".")[0] for name in readers} - {"study", "demo"} <= READ_PARAMS


def test_only_what_trains_or_extracts_imports_keras():
    """So evaluate, compare and verify start at once."""
    heavy = (
        *("training.", "trainers.", "losses.", "networks.", "augmentation.", "pooling.", "feature_steps."),
        *("backbones.", "features.", "classifiers.", "demo.", "runtime.keras_import"),
    )
    light = [path for path, name in modules().items() if "." in name and not name.startswith(heavy)]
    imports = re.compile(r"^ *(import|from) (keras|tensorflow)\b", re.MULTILINE)
    assert [path for path in light if imports.search(path.read_text(encoding="utf-8"))] == []


def test_no_import_goes_in_a_circle():
    found = []

    def visit(name, path):
        if name in path:
            found.append([*path[path.index(name) :], name])
        elif name not in done:
            for other in sorted(IMPORTS.get(name, ())):
                visit(other, [*path, name])
            done.add(name)

    done = set()
    for name in IMPORTS:
        visit(name, [])
    assert found == []


HELP = """
import importlib, io, sys
from contextlib import redirect_stdout
for verb in sys.argv[1:]:
    with redirect_stdout(io.StringIO()) as out:
        try:
            importlib.import_module(f"stages.{verb}").main(["--help"])
        except SystemExit as end:
            assert end.code == 0, verb
    loaded = {"keras", "tensorflow", "jax", "torch", "matplotlib", "pandas"} & sys.modules.keys()
    assert not loaded, f"{verb} --help imports {loaded}"
    assert f"usage: python -m stages.{verb.removesuffix('.__main__')}" in out.getvalue(), out.getvalue()
    assert "example" in out.getvalue(), f"{verb} --help shows no example"
"""


def test_help_of_every_verb_answers_before_anything_heavy_is_imported():
    command = [sys.executable, "-c", HELP, *sorted(VERBS), "demo.__main__"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
