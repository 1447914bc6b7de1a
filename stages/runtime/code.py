"""Which code a stage runs: a hash of each module it imports, without the parts that change no result.

DVC would hash files, so that an edited comment retrains every network, and would need lists of files
that drift. Here the imports are the list, and only what a result depends on counts: no comments, docstrings,
layout or annotations, no texts for people (what `print`, `InputError` and functions annotated to return one
are given, what `--help` says, what a progress bar shows), and nothing of stages/runtime. The style sheets,
scripts and texts in a room count as part of its package.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from stages.runtime.errors import InputError
from stages.runtime.modules import ROOT

EXEMPT = "stages.runtime"
ERROR = "InputError"
MESSAGES = (ERROR, "print")
PROGRESS = "progress."  # the calls of stages/runtime/progress.py
PARTS = (".css", ".html", ".js", ".yaml")  # of a page, in the folder of the package that reads them
HELP = ("prog", "description", "epilog", "help")  # keywords of argparse


def hashes(modules: Iterable[str], root: Path = ROOT) -> dict[str, str]:
    """Returns what running these modules executes: module -> hash of its code, with all they import.

    Modules without code, such as a package of which only a docstring is there, are left out.

    Args:
        modules: dotted names, such as stages.train and stages.networks.base_net.
        root: the folder that holds `stages/`.

    Returns:
        The first 16 hexadecimal digits of a SHA-256 each, by name in alphabetical order.

    Raises:
        InputError: a file cannot be parsed.
    """
    counting = {name: _counting(name, root) for name in sorted(closure(modules, root))}
    return {name: hashlib.sha256(code).hexdigest()[:16] for name, code in counting.items() if code}


def changed(former: Mapping[str, str], now: Mapping[str, str], root: Path = ROOT) -> list[str]:
    """Returns the files whose code differs, relative to `root`, including those that one side lacks.

    Args:
        former: as `hashes` returned it.
        now: likewise.
        root: the folder that holds `stages/`.
    """
    names = sorted(name for name in former.keys() | now if former.get(name) != now.get(name))
    return [str(_file(name, root).relative_to(root)) for name in names]


def closure(modules: Iterable[str], root: Path = ROOT) -> set[str]:
    """Returns the project's modules that running these imports, and themselves, except those of runtime.

    All imports in a file count, those inside functions and the packages on the way included.
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found and not f"{name}.".startswith(f"{EXEMPT}."):
            found.add(name)
            waiting.extend(_imported(name, root))
    return found


def _counting(name: str, root: Path) -> bytes:
    """Returns the part of a module that results depend on."""
    parts = (f"{part.name}\n".encode() + part.read_bytes() for part in _parts(name, root))
    return b"".join((_read(name, root).bare.encode(), *parts))


class _Bare(ast.NodeTransformer):
    """Drops everything that no result depends on."""

    def __init__(self, tree: ast.Module) -> None:
        """Finds the functions that make a message: those that return an error."""
        functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.returns)
        self._messages = {*MESSAGES, *(f.name for f in functions if ast.unparse(f.returns) == ERROR)}

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.Pass()]
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                node.returns = None
                node.body = [ast.Pass()] if node.name in self._messages else node.body
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Name("object")
        elif isinstance(node, ast.Call):
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in HELP]
            if isinstance(node.func, ast.Name) and node.func.id in self._messages:
                node.args, node.keywords = [], []
            elif ast.unparse(node.func).startswith(PROGRESS):  # what it goes through counts
                node.args = [given for given in node.args if not _is_text(given)]
                node.keywords = []
        return self.generic_visit(node)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _imported(name: str, root: Path) -> list[str]:
    """Returns the project's modules that one module names in its import statements."""
    names = [name.rpartition(".")[0]] if "." in name else []
    for level, module, aliases in _read(name, root).imports:
        source = _source(level, module, name, root)
        # a name imported from a package may be a module of it
        names += [source, *(f"{source}.{alias}" for alias in aliases)]
    return [found for found in names if _file(found, root).is_file()]


def _source(level: int, module: str, name: str, root: Path) -> str:
    """Returns the whole name of the module that an import in module `name` reads."""
    if not level:
        return module
    up = level - 1 if _file(name, root).name == "__init__.py" else level
    parents = name.split(".")[: len(name.split(".")) - up]
    return ".".join([*parents, *([module] if module else [])])


class _Module(NamedTuple):
    bare: str  # its code without what no result depends on
    imports: list[tuple[int, str, list[str]]]  # level of `from ...`, module, names imported from it


def _read(name: str, root: Path) -> _Module:
    path = _file(name, root)
    return _parsed(path.read_bytes(), str(path.relative_to(root)))


@functools.cache
def _parsed(content: bytes, place: str) -> _Module:
    try:
        tree = ast.parse(content, place)
    except SyntaxError as error:
        problem = f"{place}, line {error.lineno}: {error.msg}"
        raise InputError(f"{problem}; correct the code, then run again") from None
    imports: list[tuple[int, str, list[str]]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports += [(0, alias.name, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            imports.append((node.level, node.module or "", [alias.name for alias in node.names]))
    bare = ast.unparse(_Bare(tree).visit(tree))
    return _Module("" if bare == "pass" else bare, imports)


def _parts(package: str, root: Path) -> list[Path]:
    """Returns the files of a package that no import names, in a fixed order; [] for other modules."""
    file = _file(package, root)
    return sorted(
        path for path in file.parent.iterdir() if file.name == "__init__.py" and path.suffix in PARTS
    )


def _file(name: str, root: Path) -> Path:
    path = root.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
