"""Optimizer blocks of params.yaml against the installed Keras: classes, arguments, kinds of values.

Keras is read, not imported: its import takes seconds, as it brings a whole framework. What passes here and
Keras refuses all the same, it refuses when the training starts.
"""

import ast
import functools
import math
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, create_model, model_validator

from stages.runtime.modules import REQUIRED, literal
from stages.study.checking import MistakesError, Section, check, is_number
from stages.study.reading import Mistake, did_you_mean, shown

RANGES = {
    "learning_rate": Annotated[float, Field(gt=0, le=1000)],
    **dict.fromkeys(
        ("beta_1", "beta_2", "rho", "momentum", "ema_momentum"), Annotated[float, Field(ge=0, lt=1)]
    ),
}
Signatures = Mapping[str, Mapping[str, Any]]  # class -> argument -> default


def checked_config(class_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the config of an optimizer with floats for whole numbers where Keras expects floats.

    Args:
        class_name: as `keras.optimizers.get` takes it.
        config: its arguments; `learning_rate` may be a block itself, of a schedule.

    Raises:
        MistakesError: all mistakes, at places in the block.
    """
    by_lower_case = {name.lower(): name for name in _optimizers()}  # Keras takes adam for Adam
    rate = config.get("learning_rate")
    is_schedule = isinstance(rate, Mapping)
    others = {word: value for word, value in config.items() if not (is_schedule and word == "learning_rate")}
    checked, mistakes = _check(by_lower_case.get(class_name.lower(), class_name), others, _optimizers())
    if is_schedule:
        place = ("config", "learning_rate")
        checked["learning_rate"], wrong = check(_Schedule, rate)
        mistakes += [Mistake((*place, *mistake.place), mistake.problem) for mistake in wrong]
    if checked.get("use_ema"):
        mistakes.append(Mistake(("config", "use_ema"), "is True, expected false; use the knob `ema`"))
    if mistakes:
        raise MistakesError(*mistakes)
    return checked


class _Schedule(Section):
    class_name: str
    config: dict[str, Any]

    @model_validator(mode="after")
    def _is_one_of_keras(self) -> "_Schedule":
        self.config, mistakes = _check(self.class_name, self.config, _schedules())
        if mistakes:
            raise MistakesError(*mistakes)
        return self


def _check(name: str, config: Mapping[str, Any], known: Signatures) -> tuple[dict[str, Any], list[Mistake]]:
    if name in known:
        return check(_model(name), config, ("config",))
    problem = f"is {shown(name)}, expected one of {', '.join(known)}.{did_you_mean(name, known)}"
    return dict(config), [Mistake(("class_name",), problem)]


def _plain(value: Any) -> Any:
    """Checks that the value of an argument of unknown kind can be one at all."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str) and is_number(item):
            raise MistakesError(Mistake((), f"is {shown(item)}, expected a number; write it without quotes"))
        if not isinstance(item, str | int | float | None) or item in (math.inf, -math.inf) or item != item:
            problem = f"is {shown(item)}, expected a finite number, a text or a list of them"
            raise MistakesError(Mistake((), problem))
    return value


@functools.cache
def _model(name: str) -> type[Section]:
    """Returns the model of a class's arguments: their ranges, else the kinds of their defaults."""
    fields: dict[str, Any] = {}
    for word, default in ({**_optimizers(), **_schedules()})[name].items():
        kind = (
            type(default) if type(default) in (bool, int, float) else Annotated[Any, AfterValidator(_plain)]
        )
        fields[word] = (RANGES.get(word, kind), ... if default is REQUIRED else None)
    return create_model(name, __base__=Section, **fields)


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
        if name in wanted and "learning_rate" in arguments and REQUIRED not in arguments.values()
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
    required = [None] * (len(words) - len(arguments.defaults))
    return dict(zip(words, map(literal, [*required, *arguments.defaults]), strict=True))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
