"""Modules that a knob names: networks, augmentations, losses, formats of datasets, ..., one file each.

A file's name is the knob's value, so that adding one takes one new file, and no list of them is part of every
training's code.
"""

import ast
import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from stages.runtime.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = object()  # stands for a missing default


def find(room: str, name: str) -> ModuleType:
    """Imports `stages/<room>/<name>.py`; `resolve` has checked names from params.yaml.

    Args:
        room: such as networks.
        name: of a module in it.
    """
    return importlib.import_module(f"stages.{room}.{name}")


def accepted(function: Callable[..., Any], knobs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the knobs that a function takes as arguments."""
    return {name: knobs[name] for name in inspect.signature(function).parameters if name in knobs}


def offered(room: str, function: str, root: Path = ROOT) -> dict[str, dict[str, object]]:
    """Returns the names a knob may have: modules that define a function, with its keyword arguments.

    The files are read, not imported, as importing Keras takes seconds.

    Args:
        room: a folder of stages/.
        function: what a module must define, such as build.
        root: the folder that holds `stages/`.

    Returns:
        By module: keyword-only argument -> default; REQUIRED if it has none.
    """
    found = {}
    for path in sorted((root / "stages" / room).glob("[!_.]*.py")):
        for node in _tree(path).body:
            if isinstance(node, ast.FunctionDef) and node.name == function:
                words = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
                found[path.stem] = {word.arg: literal(default) for word, default in words}
    return found


def constant(room: str, name: str, variable: str, root: Path = ROOT) -> object:
    """Returns the literal value of a constant at a module's top, without importing it; None without one."""
    for node in _tree(root / "stages" / room / f"{name}.py").body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == variable:
            return ast.literal_eval(node.value)
    return None


def literal(default: ast.expr | None) -> Any:
    """Returns an argument's default (a tuple as a list), None if computed, REQUIRED if there is none."""
    if default is None:
        return REQUIRED
    try:
        value = ast.literal_eval(default)
    except ValueError:
        return None
    return list(value) if isinstance(value, tuple) else value


def _tree(path: Path) -> ast.Module:
    """Returns a file's syntax tree.

    Raises:
        InputError: it cannot be parsed.
    """
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise InputError(
            f"{path}, line {error.lineno}: {error.msg}; correct the code, then run again"
        ) from None
