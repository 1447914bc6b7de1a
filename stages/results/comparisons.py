"""Variants side by side: the study's own table of contents, and one figure per comparison."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.errors import InputError
from stages.results.figures import draw_comparison
from stages.results.learning_curves import Lines, read_lines, write_lines

DATASETS = {"variants": "cifar100", "heads": "cub200", "fine_tunes": "cub200"}  # by section of params.yaml
NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Comparison:
    """Variants that share one figure; `report` names the report's figure, such as Fig. 5."""

    name: str
    report: str
    variants: tuple[str, ...]


def dataset_of_each(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Returns the dataset of every variant, in the order of params.yaml.

    Raises:
        InputError: a section is not a mapping, or a name does not fit in a path.
    """
    names = {name: dataset for section, dataset in DATASETS.items() for name in _mapping(parameters, section)}
    _check_names(names, "variant")
    return names


def reported(parameters: Mapping[str, Any], variants: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Returns what the report says of each variant, {} where it says nothing.

    Raises:
        InputError: an entry of `report` names no variant, is no mapping, or has a number that is none.
    """
    entries = _mapping(parameters, "report")
    for name, entry in entries.items():
        _check_known(name, variants, "report")
        if not isinstance(entry, dict):
            raise InputError(f"report.{name} is {entry!r}, expected a mapping with section and figure")
        for key in ("loss", "accuracy"):
            if type(entry.get(key, 0.0)) not in (float, int):
                raise InputError(
                    f"report.{name}.{key} is {entry[key]!r}, expected a number; leave it out if there is none"
                )
    return {name: entries.get(name, {}) for name in variants}


def comparisons(parameters: Mapping[str, Any], variants: Mapping[str, str]) -> list[Comparison]:
    """Returns the comparisons in the order of params.yaml.

    Raises:
        InputError: a comparison names no variants, or one that does not exist.
    """
    entries = _mapping(parameters, "comparisons")
    _check_names(entries, "comparison")
    for name, entry in entries.items():
        members = entry.get("variants") if isinstance(entry, dict) else None
        if not isinstance(members, list) or not members:
            raise InputError(
                f"comparisons.{name} is {entry!r}, expected {{report: Fig. 5, variants: [a, b]}}"
            )
        for member in members:
            _check_known(member, variants, f"comparisons.{name}.variants")
    return [
        Comparison(name, str(entry.get("report", "")), tuple(entry["variants"]))
        for name, entry in entries.items()
    ]


def write_comparison(
    folder: Path, comparison: Comparison, *, provenances: Mapping[str, str], plots: Path
) -> bool:
    """Writes NAME.png, val_loss/NAME.csv and val_accuracy/NAME.csv; nothing where no variant has run.

    DVC cannot draw a table without rows, hence nothing at all rather than a header.

    Args:
        folder: of all comparisons.
        comparison: which variants; those that have not run are left out, and the picture says so.
        provenances: of each variant that has run: official or stand-in.
        plots: holds a folder per variant with loss.csv and accuracy.csv.

    Returns:
        Whether anything was written.
    """
    present = [variant for variant in comparison.variants if variant in provenances]
    if not present:
        return False
    loss, accuracy = (_validation_lines(plots, present, quantity) for quantity in ("loss", "accuracy"))
    write_lines(folder / "val_loss" / f"{comparison.name}.csv", loss, "val_loss")
    write_lines(folder / "val_accuracy" / f"{comparison.name}.csv", accuracy, "val_accuracy")
    words = comparison.name.replace("_", " ").capitalize()
    title = f"{words} (report: {comparison.report})" if comparison.report else words
    draw_comparison(
        folder / f"{comparison.name}.png", loss, accuracy, title=title, note=_note(comparison, provenances)
    )
    return True


def _validation_lines(plots: Path, variants: list[str], quantity: str) -> Lines:
    lines = {}
    for variant in variants:
        path = plots / variant / f"{quantity}.csv"
        curves = read_lines(path, quantity)
        if "validation" not in curves:
            raise InputError(
                f"{path} has lines {', '.join(curves)}, expected validation; evaluate the variant again"
            )
        lines[variant] = curves["validation"]
    return lines


def _note(comparison: Comparison, provenances: Mapping[str, str]) -> str:
    absent = [variant for variant in comparison.variants if variant not in provenances]
    stand_in = [variant for variant in comparison.variants if provenances.get(variant) == "stand-in"]
    missing = [f"not run yet: {', '.join(absent)}"] if absent else []
    return "; ".join([*missing, *(["stand-in data"] if stand_in else [])])


def _mapping(parameters: Mapping[str, Any], section: str) -> dict[str, Any]:
    value = parameters.get(section)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError(f"params.yaml: {section} is {value!r}, expected a mapping by name")
    return value


def _check_names(names: Mapping[str, Any], kind: str) -> None:
    for name in names:
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise InputError(
                f"{kind} {name!r}: a name becomes a path; write small letters, digits and underscores"
            )


def _check_known(name: Any, variants: Mapping[str, str], place: str) -> None:
    if name not in variants:
        near = difflib.get_close_matches(str(name), variants, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise InputError(f"{place}: no variant {name!r}. {hint}Variants: {', '.join(variants)}")
