"""The `datasets` block of params.yaml: what `prepare` is to make of the archives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stages.errors import InputError

_KNOBS = {"classes": list, "image_size": int, "validation_share": float, "split_seed": int}
_SIZES = range(8, 1025)


@dataclass(frozen=True)
class Recipe:
    """Which classes, how large (pixels), and how the validation images are chosen."""

    classes: list[int | str]
    image_size: int
    validation_share: float
    split_seed: int


def recipe(dataset: str, datasets: Mapping[str, Any]) -> Recipe:
    """Reads the block of one data set.

    Raises:
        InputError: no such block, or a knob is missing, unknown, of another type or out of range.
    """
    block = datasets.get(dataset)
    if not isinstance(block, Mapping):
        raise InputError(f"no datasets.{dataset} in params.yaml; data sets: {', '.join(datasets)}")
    for knob in sorted(set(block) ^ set(_KNOBS)):
        problem = "is missing" if knob in _KNOBS else f"is unknown; knobs: {', '.join(_KNOBS)}"
        raise InputError(f"params.yaml, datasets.{dataset}: {knob!r} {problem}")
    for knob, kind in _KNOBS.items():
        if type(block[knob]) is not kind:
            raise InputError(
                f"params.yaml, datasets.{dataset}: {knob} is {block[knob]!r}, expected {kind.__name__}"
            )
    if block["image_size"] not in _SIZES:
        raise InputError(
            f"params.yaml, datasets.{dataset}: image_size is {block['image_size']}, expected"
            f" {_SIZES.start} to {_SIZES.stop - 1} pixels"
        )
    return Recipe(**block)
