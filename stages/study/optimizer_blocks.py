"""Optimizer blocks of params.yaml against the installed Keras: names of classes and of their arguments.

Keras is read, not imported: its import takes seconds, as it brings a whole framework. What passes here may
still be refused by Keras when the stage starts.
"""

import ast
import functools
import math
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stages.runtime.modules import REQUIRED, literal
from stages.study.reading import Mistake, did_you_mean, is_number, shown

Signatures = Mapping[str, Mapping[str, Any]]  # class -> argument -> default


def mistakes(class_name: str, config: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yields what is wrong in an optimizer, at places in its block.

    Args:
        class_name: as `keras.optimizers.get` takes it; adam stands for Adam.
        config: its arguments; `learning_rate` may itself be a block, of a schedule.
    """
    names = {name.lower(): name for name in _optimizers()}
    yield from _block((), names.get(class_name.lower(), class_name), config, _optimizers())
    rate = config.get("learning_rate")
    if isinstance(rate, dict):
        place = ("config", "learning_rate")
        if not (set(rate) == {"class_name", "config"} and isinstance(rate["config"], dict)):
            yield Mistake(
                place, f"is {shown(rate)}, expected a number, or class_name and config of a schedule"
            )
        else:
            yield from _block(place, rate["class_name"], rate["config"], _signatures("schedules"))
    elif "learning_rate" in config and not (type(rate) in (int, float) and 0 < rate <= 1000):
        quotes = "; write it without quotes" if isinstance(rate, str) and is_number(rate) else ""
        problem = f"is {shown(rate)}, expected a number, above 0 and at most 1000{quotes}"
        yield Mistake(("config", "learning_rate"), problem)
    if config.get("use_ema"):
        yield Mistake(("config", "use_ema"), "is True, expected false; use the knob `ema`")


def _block(
    place: tuple[str, ...], name: Any, config: Mapping[str, Any], known: Signatures
) -> Iterator[Mistake]:
    if name not in known:
        problem = f"is {shown(name)}, expected one of {', '.join(known)}.{did_you_mean(name, known)}"
        yield Mistake((*place, "class_name"), problem)
        return
    place = (*place, "config")
    for word, value in config.items():
        if word not in known[name]:
            hint = did_you_mean(word, known[name]) or f" Known here: {', '.join(known[name])}"
            yield Mistake((*place, word), f"is unknown.{hint}")
        elif word != "learning_rate":
            yield from _value((*place, word), value)
    for word, default in known[name].items():
        if default is REQUIRED and word not in config:
            yield Mistake(place, f"lacks {word}")


def _value(place: tuple[Any, ...], value: Any) -> Iterator[Mistake]:
    """Checks that a value can be one of an argument at all."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str) and is_number(item):
            yield Mistake(place, f"is {shown(item)}, expected a number; write it without quotes")
        elif not isinstance(item, str | int | float | None) or item in (math.inf, -math.inf) or item != item:
            yield Mistake(place, f"is {shown(item)}, expected a finite number, text or a list of them")


@functools.cache
def _optimizers() -> Signatures:
    """Returns Keras' optimizers that can be made of plain values."""
    return {
        name: words
        for name, words in _signatures("").items()
        if "learning_rate" in words and REQUIRED not in words.values()
    }


@functools.cache
def _signatures(folder: str) -> Signatures:
    """Returns the classes that a folder of Keras' optimizers exports, with the arguments of `__init__`."""
    path = Path(find_spec("keras").origin).parent / "src/optimizers" / folder
    return {
        node.name: _arguments(function.args)
        for file in sorted(path.glob("*.py"))
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and "keras_export" in "".join(map(ast.unparse, node.decorator_list))
        for function in node.body
        if isinstance(function, ast.FunctionDef) and function.name == "__init__"
    }


def _arguments(arguments: ast.arguments) -> dict[str, Any]:
    words = [argument.arg for argument in arguments.args[1:]]
    required = [None] * (len(words) - len(arguments.defaults))
    return dict(zip(words, map(literal, [*required, *arguments.defaults]), strict=True))
