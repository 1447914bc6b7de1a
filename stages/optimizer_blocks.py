"""Optimizer blocks of params.yaml against the installed Keras: classes, arguments, kinds of values.

Keras is read, not imported: its import takes seconds, as it brings a whole framework. What passes here and
Keras refuses all the same, it refuses when the training starts.
"""

import ast
import functools
import math
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stages.parameters import Mistake, shown
from stages.values import Expected, Interval, check, check_keys, is_number, mapping

RANGES: dict[str, Expected] = {
    "learning_rate": Interval(0.0, 1000.0, "(]"),
    **dict.fromkeys(("beta_1", "beta_2", "rho", "momentum", "ema_momentum"), Interval(0.0, 1.0)),
}
_REQUIRED = object()  # in place of a default
Signatures = Mapping[str, Mapping[str, Any]]  # class -> argument -> default


def check_optimizer(place: tuple[Any, ...], block: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yields what is wrong with a block as `keras.optimizers.get` takes it.

    Args:
        place: where it stands.
        block: `class_name` and `config`, in which `learning_rate` may be a block itself, of a schedule.
    """
    known = _optimizers()
    by_lower_case = {name.lower(): name for name in known}  # Keras takes adam for Adam
    name = block.get("class_name")
    yield from _check_block(place, block, known, by_lower_case.get(str(name).lower(), name))
    rate = mapping(block.get("config")).get("learning_rate")
    if isinstance(rate, Mapping):
        yield from _check_block(
            (*place, "config", "learning_rate"), rate, _schedules(), rate.get("class_name")
        )


def _check_block(
    place: tuple[Any, ...], block: Mapping[str, Any], known: Signatures, name: Any
) -> Iterator[Mistake]:
    yield from check_keys(place, block, ("class_name", "config"))
    if "class_name" in block:
        yield from check((*place, "class_name"), name, tuple(known))
    if "config" in block:
        yield from check((*place, "config"), block["config"], dict)
    if not isinstance(name, str) or name not in known or not isinstance(block.get("config"), dict):
        return
    arguments, config = known[name], block["config"]
    required = [argument for argument, default in arguments.items() if default is _REQUIRED]
    yield from check_keys(
        (*place, "config"), config, required, [each for each in arguments if each not in required]
    )
    for argument, default in arguments.items():
        if argument in config:
            yield from _check_argument((*place, "config", argument), config[argument], default)


def _check_argument(place: tuple[Any, ...], value: Any, default: Any) -> Iterator[Mistake]:
    """Checks a value by its argument's range, else by its default's kind, else that it can be one at all."""
    if place[-1] == "learning_rate" and isinstance(value, Mapping):
        return
    if place[-1] in RANGES:
        yield from check(place, value, RANGES[place[-1]])
    elif type(default) in (bool, int, float):
        yield from check(place, value, type(default))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _check_argument((*place, number), item, None)
    elif isinstance(value, str) and is_number(value):
        yield Mistake(place, f"is {shown(value)}, expected a number; write it without quotes")
    elif not isinstance(value, str | int | float | None) or (
        isinstance(value, float) and not math.isfinite(value)
    ):
        yield Mistake(place, f"is {shown(value)}, expected a finite number, a text or a list of them")


@functools.cache
def _optimizers() -> Signatures:
    """Returns Keras' optimizers that can be made of plain values."""
    folder = _folder()
    wanted = {
        element.id
        for node in _tree(folder / "__init__.py").body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ALL_OBJECTS"
        for element in node.value.elts
    }
    files = [path for path in sorted(folder.glob("*.py")) if not path.stem.endswith("_test")]
    classes = {name: arguments for path in files for name, arguments in _signatures(path).items()}
    return {
        name: arguments
        for name, arguments in classes.items()
        if name in wanted and "learning_rate" in arguments and _REQUIRED not in arguments.values()
    }


@functools.cache
def _schedules() -> Signatures:
    return _signatures(_folder() / "schedules/learning_rate_schedule.py")


def _folder() -> Path:
    return Path(find_spec("keras").origin).parent / "src/optimizers"


def _signatures(path: Path) -> dict[str, dict[str, Any]]:
    """Returns the classes of a file with the arguments of `__init__` and their defaults."""
    return {
        node.name: _arguments(function.args)
        for node in _tree(path).body
        if isinstance(node, ast.ClassDef)
        for function in node.body
        if isinstance(function, ast.FunctionDef) and function.name == "__init__"
    }


def _arguments(arguments: ast.arguments) -> dict[str, Any]:
    words = [argument.arg for argument in arguments.args[1:]]
    defaults = [_literal(default) for default in arguments.defaults]
    return dict(zip(words, [_REQUIRED] * (len(words) - len(defaults)) + defaults, strict=True))


def _literal(default: ast.expr) -> Any:
    try:
        return ast.literal_eval(default)
    except ValueError:  # a computed default, of unknown kind
        return None


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
