"""The `datasets` block of params.yaml: what `prepare` is to make of the archives."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stages.datasets.examples import check_classes
from stages.parameters import Mistake, refuse
from stages.values import Expected, Interval, check, check_keys, mapping

N_CLASSES = {"cifar100": 100, "cub200": 200}
KNOBS: dict[str, Expected] = {
    "image_size": range(8, 1025),
    "validation_share": Interval(0.0, 1.0, "()"),
    "split_seed": range(2**32),
}


@dataclass(frozen=True)
class Recipe:
    """Which classes, how large (pixels), and how the validation images are chosen."""

    classes: list[int | str]
    image_size: int
    validation_share: float
    split_seed: int


def mistakes(
    parameters: Mapping[str, Any], datasets: Collection[str] = tuple(N_CLASSES)
) -> Iterator[Mistake]:
    """Yields every mistake in the blocks of these data sets; only `prepare` knows the names of classes."""
    section = mapping(parameters.get("datasets"))
    yield from check_keys(("datasets",), parameters.get("datasets", {}), datasets, N_CLASSES)
    for dataset in datasets:
        if dataset not in section:
            continue
        place, block = ("datasets", dataset), mapping(section[dataset])
        yield from check_keys(place, section[dataset], ("classes", *KNOBS))
        for knob, expected in KNOBS.items():
            if knob in block:
                yield from check((*place, knob), block[knob], expected)
        if "classes" in block:
            yield from check_classes((*place, "classes"), block["classes"], N_CLASSES[dataset])


def recipe(dataset: str, parameters: Mapping[str, Any]) -> Recipe:
    """Reads the block of one data set.

    Raises:
        InputError: names every mistake in it, one line each.
    """
    refuse(mistakes(parameters, [dataset]))
    return Recipe(**parameters["datasets"][dataset])
