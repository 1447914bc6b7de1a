"""Hashes of code: what results depend on counts, looks and messages do not."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages.runtime import code
from stages.runtime.errors import InputError

ROOT = Path(__file__).parent.parent
STAGES = ("download", "prepare", "build_backbone", "cache_features", "label_features", "train", "train_head")
STAGES += ("fine_tune", "evaluate", "compare", "report")


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """A folder with stages/ as it was when these tests began."""
    folder = tmp_path_factory.mktemp("code")
    shutil.copytree(ROOT / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def original(taken):
    return hashes(taken)


@pytest.fixture
def copy(taken, tmp_path):
    """A copy of it, to edit."""
    shutil.copytree(taken / "stages", tmp_path / "stages")
    return tmp_path


def hashes(root):
    """What each file of stages/ hashes to, with all it imports."""
    names = [".".join(path.relative_to(root).with_suffix("").parts) for path in modules(root)]
    names = [name.removesuffix(".__init__") for name in names if not name.startswith("stages.runtime")]
    return {name: code.hashes([name], root) for name in names}


def modules(root):
    return sorted((root / "stages").rglob("*.py"))


def test_comments_layout_docstrings_annotations_and_messages_do_not_count(copy, original):
    """In every file of stages/ at once."""
    n_docstrings = n_messages = 0
    for path in modules(copy):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
                node.body[0].value.value = "Another text."
                n_docstrings += 1
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("InputError", "print"):
                node.args = [ast.Constant("Another message.")]
                n_messages += 1
            if isinstance(node, ast.FunctionDef):
                is_message = node.returns and ast.unparse(node.returns) == "InputError"
                node.returns = node.returns if is_message else ast.Constant("other")
                for argument in (*node.args.args, *node.args.kwonlyargs):
                    argument.annotation = ast.Constant("other")
            elif isinstance(node, ast.AnnAssign):
                node.annotation = ast.Constant("other")
        path.write_text("# first\n\n" + ast.unparse(tree) + "  # behind\n")
    assert n_docstrings > 150
    assert n_messages > 30
    assert hashes(copy) == original


def test_style_and_script_of_the_page_count_for_the_page_alone(copy, original):
    for number, name in enumerate(("page.css", "page.html", "page.js")):
        with (copy / "stages/page" / name).open("a") as file:
            file.write("/* edited */\n")
        (copy / "stages/page/notes.txt").write_text("not read by the page")
        changed = {module for module, value in hashes(copy).items() if value != original[module]}
        assert changed == {"stages.report", *(name for name in original if name.startswith("stages.page"))}, (
            number
        )


def test_the_runtime_room_does_not_count(copy, original):
    for path in (copy / "stages/runtime").glob("*.py"):
        path.write_text("ANSWER = 42\n")
    assert hashes(copy) == original


# What each command really imports, with Keras replaced by a stand-in, which takes no seconds.
IMPORT = """
import importlib, json, sys
from unittest.mock import MagicMock
sys.modules["keras"] = MagicMock()
loaded = {}
for name in sys.argv[1:]:
    for other in [other for other in sys.modules if other.partition(".")[0] == "stages"]:
        del sys.modules[other]
    importlib.import_module(name)
    loaded[name] = sorted(other for other in sys.modules if other.partition(".")[0] == "stages")
print(json.dumps(loaded))
"""


def test_the_closure_holds_all_that_python_imports():
    """It may hold more: what a command imports only when it runs."""
    names = [f"stages.{stage}" for stage in STAGES]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, *names], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name, loaded in json.loads(done.stdout).items():
        found = code.closure([name], ROOT)
        assert {other for other in loaded if not other.startswith(code.EXEMPT)} <= found
        assert not any(other.startswith(code.EXEMPT) for other in found)


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
        "import json, room.noun",
        "from room import noun",
        "from room.noun import thing",
        "from room.noun import *",
        "def main():\n    from room import noun",
        "def main():\n    import room.noun",
        "if True:\n    try:\n        from room.noun import thing\n    except ImportError:\n        pass",
    ],
)
def test_every_way_to_import_counts(project, source):
    root = project(verb=source, room__noun="thing = 1", room__other="")
    assert code.closure(["verb"], root) == {"verb", "room", "room.noun"}


@pytest.mark.parametrize("source", ["from .noun import thing", "from . import noun"])
def test_relative_imports_count(project, source):
    root = project(room__verb=source, room__noun="thing = 1")
    assert code.closure(["room.verb"], root) == {"room", "room.verb", "room.noun"}


def test_imports_of_imports_and_circles_count(project):
    root = project(verb="import room.a", room__a="import room.b", room__b="import room.a, os, numpy.linalg")
    assert code.closure(["verb"], root) == {"verb", "room", "room.a", "room.b"}


def test_modules_that_knobs_name_count_together_with_the_verb(project):
    root = project(verb="", room__a="import room.b", room__b="x = 1", room__other="x = 1")
    assert code.closure(["verb", "room.a"], root) == {"verb", "room", "room.a", "room.b"}
    before = code.hashes(("verb", "room.a"), root)
    project(room__other="x = 2", room__new="x = 3")
    assert code.hashes(("verb", "room.a"), root) == before
    project(room__b="x = 2")
    assert code.hashes(("verb", "room.a"), root) != before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1", "x = 2"),
        ("x = 1\n'text'", "x = 1\n'other'"),  # not a docstring
        ("def f(a, *, b=1): pass", "def f(a, *, b=2): pass"),
        ("x: int = 1", "x: int = 2"),
        ("raise InputError('a')", "raise ValueError('a')"),
        ("f(print('a'))", "g(print('a'))"),
        ("f(progress.over(x, 'a'))", "f(progress.over(y, 'a'))"),
        ("f(progress.over(x, 'a'))", "f(x)"),
    ],
)
def test_what_python_executes_counts(project, before, after):
    root = project(verb=before)
    first = code.hashes(["verb"], root)
    project(verb=after)
    assert code.hashes(["verb"], root) != first


def test_what_a_progress_bar_shows_does_not_count(project):
    root = project(verb="for batch in progress.over(batches, f'{name}: epoch', unit='batch'): f(batch)")
    before = code.hashes(["verb"], root)
    project(verb="for batch in progress.over(batches, 'epochs of', name='x', total=3): f(batch)")
    assert code.hashes(["verb"], root) == before
    first, second = (f"parser.add_argument('out', help='{text}')" for text in ("where to", "the folder"))
    assert code.hashes(["verb"], project(verb=first)) == code.hashes(["verb"], project(verb=second))


def test_a_function_that_returns_an_error_is_a_message_and_so_is_what_it_is_given(project):
    source = "def _wrong(a) -> InputError:\n    return InputError(f'{a} is wrong')\nraise _wrong(f'{x}, {y}')"
    root = project(verb=source)
    before = code.hashes(["verb"], root)
    project(verb=source.replace("is wrong", "cannot be").replace("{x}, {y}", "{y}"))
    assert code.hashes(["verb"], root) == before
    project(verb=source.replace("-> InputError", "-> str"))
    assert code.hashes(["verb"], root) != before


def test_each_module_has_a_hash_of_its_own_and_none_without_code(project):
    root = project(verb="import room.a, room.b", room__a='"""Text."""', room__b="x = 1")
    before = code.hashes(["verb"], root)
    assert set(before) == {"verb", "room.b"}
    project(room__b="x = 2")
    after = code.hashes(["verb"], root)
    assert {name for name in before if before[name] != after[name]} == {"room.b"}
    assert code.changed(before, after, root) == ["room/b.py"]
    project(room__b="", verb="import room.a")
    assert code.changed(after, code.hashes(["verb"], root), root) == ["room/b.py", "verb.py"]


def test_a_syntax_error_is_reported_with_its_file_and_line(project):
    root = project(verb="import room.noun", room__noun="x = 1\ny = = 2\n")
    with pytest.raises(InputError) as caught:
        code.hashes(["verb"], root)
    assert str(caught.value) == "room/noun.py, line 2: invalid syntax; correct the code, then run again"
