"""Which code a stage runs, as one hash: the modules it imports, without what changes no result.

DVC would hash files, so that an edited comment retrains every network, and would need lists of files
that drift. Here the imports are the list, and only what a result depends on counts: no comments, docstrings,
layout or annotations, no texts for people (what `InputError` and `print` are given, what `--help` says), and
nothing of stages/runtime. The style sheets and scripts in a room count as part of its package.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from stages.runtime.errors import InputError
from stages.runtime.modules import ROOT

EXEMPT = "stages.runtime"
MESSAGES = ("InputError", "print")
PARTS = (".css", ".js")  # of a page, in the folder of the package that reads them
HELP = ("prog", "description", "epilog", "help")  # keywords of argparse


def fingerprint(modules: Iterable[str], root: Path = ROOT) -> str:
    """Returns the SHA-256 of what running these modules executes, with all of the project they import.

    Args:
        modules: dotted names, such as stages.train and stages.networks.base_net.
        root: the folder that holds `stages/`.

    Raises:
        InputError: a file cannot be parsed.
    """
    digest = hashlib.sha256()
    for name in sorted(closure(modules, root)):
        digest.update(_counting(name, root))
    return digest.hexdigest()


def differing(modules: Iterable[str], former: Path, root: Path = ROOT) -> list[str]:
    """Returns the files, relative to `root`, by which the code of these modules differs from former code.

    A package stands for the files in it that no import names.

    Args:
        modules: as of `fingerprint`.
        former: a folder that holds `stages/` as it was.
        root: the folder that holds `stages/`.

    Raises:
        InputError: a file cannot be parsed.
    """
    here, before = (
        {name: _counting(name, place) for name in closure(modules, place)} for place in (root, former)
    )
    changed = sorted(name for name in here.keys() | before if here.get(name) != before.get(name))
    places = {name: root if name in here else former for name in changed}
    return [str(_file(name, place).relative_to(place)) for name, place in places.items()]


def closure(modules: Iterable[str], root: Path = ROOT) -> set[str]:
    """Returns the project's modules that running these imports, themselves included, but those of runtime.

    Imports anywhere in a file count, so do those inside functions and the packages on the way.
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
    """Returns what of a module a result depends on."""
    parts = (f"{part.name}\n".encode() + part.read_bytes() for part in _parts(name, root))
    return b"".join((f"{name}\n{_read(name, root).bare}\n".encode(), *parts))


class _Bare(ast.NodeTransformer):
    """Drops what no result depends on."""

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:] or [ast.Pass()]
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Name("object")
        elif isinstance(node, ast.Call):
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in HELP]
            if isinstance(node.func, ast.Name) and node.func.id in MESSAGES:
                node.args, node.keywords = [], []
        return self.generic_visit(node)


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
    return _Module(ast.unparse(_Bare().visit(tree)), imports)


def _parts(package: str, root: Path) -> list[Path]:
    """Returns the files of a package that no import names, in a fixed order; [] for other modules."""
    file = _file(package, root)
    return sorted(
        path for path in file.parent.iterdir() if file.name == "__init__.py" and path.suffix in PARTS
    )


def _file(name: str, root: Path) -> Path:
    path = root.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
