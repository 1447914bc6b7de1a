"""Which code a stage runs, as one hash: the modules it imports, without comments and layout.

DVC would hash files, so that an edited comment retrains every network, and would need lists of files
that drift. Here the imports are the list, and only what Python executes counts.
"""

import ast
import hashlib
from pathlib import Path


def closure(module: str, root: Path, *, without: frozenset[str] = frozenset()) -> set[str]:
    """Returns the project's modules that running `module` imports, itself included.

    Imports anywhere in a file count, so do those inside functions and the packages on the way.

    Args:
        module: a dotted name, such as stages.train.
        root: the folder that holds `stages/`.
        without: modules to leave out, with what only they import.
    """
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or name in without:
            continue
        found.add(name)
        waiting.extend(_imported(name, root))
    return found


def fingerprint(modules: set[str], root: Path) -> str:
    """Returns the SHA-256 of modules' code: their syntax without comments, docstrings and layout."""
    digest = hashlib.sha256()
    for name in sorted(modules):
        tree = ast.parse(_file(name, root).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            _drop_docstring(node)
        digest.update(f"{name}\n{ast.unparse(tree)}\n".encode())
    return digest.hexdigest()


def _imported(name: str, root: Path) -> list[str]:
    """Returns the project's modules that one module names in its import statements."""
    names = [name.rpartition(".")[0]] if "." in name else []
    for node in ast.walk(ast.parse(_file(name, root).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = _source(node, name, root)
            # a name imported from a package may be a module of it
            names += [source, *(f"{source}.{alias.name}" for alias in node.names)]
    return [found for found in names if _file(found, root).is_file()]


def _source(node: ast.ImportFrom, name: str, root: Path) -> str:
    """Returns the whole name of the module that a `from ... import` in module `name` reads."""
    if not node.level:
        return str(node.module)
    up = node.level - 1 if _file(name, root).name == "__init__.py" else node.level
    parents = name.split(".")[: len(name.split(".")) - up]
    return ".".join([*parents, *([node.module] if node.module else [])])


def _file(name: str, root: Path) -> Path:
    path = root.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _drop_docstring(node: ast.AST) -> None:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return
    if ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]
