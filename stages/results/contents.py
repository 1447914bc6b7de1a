"""The study's table of contents: its variants, what the report says of each, which share one figure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stages.parameters import Mistake, did_you_mean, refuse, shown
from stages.values import Expected, Interval, check, check_keys, check_names, mapping

DATASETS = {"variants": "cifar100", "heads": "cub200", "fine_tunes": "cub200"}  # by section of params.yaml
REPORTED: dict[str, Expected] = {
    "section": str,
    "figure": str,
    "loss": Interval(0.0, 1000.0),
    "accuracy": Interval(0.0, 1.0, "[]"),
}


@dataclass(frozen=True)
class Comparison:
    """Variants that share one figure; `report` names the report's figure, such as Fig. 5."""

    name: str
    report: str
    variants: tuple[str, ...]


def mistakes(parameters: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yields every mistake in `report` and `comparisons`, and in the names of variants."""
    for section in (*DATASETS, "report", "comparisons"):
        yield from check((section,), parameters.get(section, {}), dict)
    yield from check_names((group, name) for group in DATASETS for name in mapping(parameters.get(group)))
    yield from _check_report(mapping(parameters.get("report")), _variants(parameters))
    yield from _check_comparisons(mapping(parameters.get("comparisons")), _variants(parameters))


def dataset_of_each(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Returns the dataset of every variant, in the order of params.yaml.

    Raises:
        InputError: as `mistakes` finds them.
    """
    refuse(mistakes(parameters))
    return {name: dataset for group, dataset in DATASETS.items() for name in parameters.get(group, {})}


def reported(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns what the report says of each variant, {} where it says nothing.

    Raises:
        InputError: as `mistakes` finds them.
    """
    entries = parameters.get("report", {})
    return {name: entries.get(name, {}) for name in dataset_of_each(parameters)}


def comparisons(parameters: Mapping[str, Any]) -> list[Comparison]:
    """Returns the comparisons in the order of params.yaml.

    Raises:
        InputError: as `mistakes` finds them.
    """
    refuse(mistakes(parameters))
    return [
        Comparison(name, entry.get("report", ""), tuple(entry["variants"]))
        for name, entry in parameters.get("comparisons", {}).items()
    ]


def _variants(parameters: Mapping[str, Any]) -> list[str] | None:
    """Returns the names of all variants; None where a section is missing, so that none is unknown."""
    if not all(isinstance(parameters.get(group), Mapping) for group in DATASETS):
        return None
    return [name for group in DATASETS for name in parameters[group]]


def _check_report(entries: Mapping[Any, Any], variants: list[str] | None) -> Iterator[Mistake]:
    for name, entry in entries.items():
        if variants is not None and name not in variants:
            yield Mistake(("report", name), f"is no variant.{did_you_mean(name, variants)}")
        yield from check_keys(("report", name), entry, (), REPORTED)
        for key, value in mapping(entry).items():
            if key in REPORTED:
                yield from check(("report", name, key), value, REPORTED[key])


def _check_comparisons(entries: Mapping[Any, Any], variants: list[str] | None) -> Iterator[Mistake]:
    yield from check_names(("comparisons", name) for name in entries)
    for name, entry in entries.items():
        place = ("comparisons", name)
        yield from check_keys(place, entry, ("variants",), ("report",))
        if "report" in mapping(entry):
            yield from check((*place, "report"), entry["report"], str)
        if "variants" in mapping(entry):
            yield from _check_members((*place, "variants"), entry["variants"], variants)


def _check_members(place: tuple[Any, ...], members: Any, variants: list[str] | None) -> Iterator[Mistake]:
    if not isinstance(members, list) or not members:
        yield Mistake(place, f"is {shown(members)}, expected a list of variants such as [basenet, final]")
        return
    for number, member in enumerate(members):
        if not isinstance(member, str) or (variants is not None and member not in variants):
            yield Mistake(
                (*place, number), f"is {shown(member)}, no variant.{did_you_mean(member, variants or ())}"
            )
        elif member in members[:number]:
            yield Mistake((*place, number), f"is {member!r}, which is in the list already")
