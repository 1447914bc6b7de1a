"""Variants side by side: a picture and two tables per comparison."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path

import pandas as pd

from stages.results.evaluation import data_note, write_curves
from stages.results.figures import draw_comparison
from stages.results.summary import Json, comparable

SAME_DATA = ("provenance", "format", "classes", "first_class", "last_class", "splits")


def write_comparison(
    folder: Path,
    name: str,
    variants: list[str],
    figure: str,
    *,
    records: Mapping[str, Json],
    report: Json,
    styles: Mapping[str, int],
    plots: Path,
) -> bool:
    """Writes <name>.png, <name>_loss.csv and <name>_accuracy.csv; nothing for fewer than two curves.

    Args:
        folder: of all comparisons.
        name: of the files.
        variants: in the order of the legend; the picture names those that have not run.
        figure: of the report, such as Fig. 5; "" for none.
        records: of the variants that have run.
        report: what the report says, as in params.yaml.
        styles: of each variant.
        plots: holds a folder per variant with loss.csv and accuracy.csv.

    Returns:
        Whether anything was written.
    """
    present = [variant for variant in variants if variant in records]
    if len(present) < 2:
        return False
    labels, data = _labels(present, records)
    curves = {}
    for quantity in ("loss", "accuracy"):
        values = [_validation(plots / variant / f"{quantity}.csv", quantity) for variant in present]
        curves[quantity] = dict(zip(labels, values, strict=True))
        path = folder / f"{name}_{quantity}.csv"
        write_curves(path, curves[quantity], "variant", f"val_{quantity}")
    words = name.replace("_", " ").capitalize()
    remarks = [f"report: {figure}"] * bool(figure) + [data] * bool(data)
    absent = [variant for variant in variants if variant not in records]
    draw_comparison(
        folder / f"{name}.png",
        **curves,
        styles=[styles[variant] for variant in present],
        reported=[comparable(variant, records[variant], report) for variant in present],
        title=f"{words} ({'; '.join(remarks)})" if remarks else words,
        note=f"not run yet: {', '.join(absent)}" if absent else "",
    )
    return True


def styles(study: Json) -> dict[str, int]:
    """Returns a style per variant, the same in all figures and different within each.

    Args:
        study: `variants`, by `extends` what each extends, and the `comparisons`. Variants that have not run
            count too, so that each keeps its style when others join it.
    """
    groups = [group["variants"] for group in study["comparisons"].values()]
    groups += [list(pair) for pair in study["extends"].items()]
    chosen: dict[str, int] = {}
    for variant in study["variants"]:
        neighbours = {name for group in groups if variant in group for name in group}
        taken = {chosen[name] for name in neighbours & chosen.keys()}
        chosen[variant] = next(style for style in count() if style not in taken)
    return chosen


def _labels(present: list[str], records: Mapping[str, Json]) -> tuple[list[str], str]:
    """Returns what to call each curve, and the title's note on the data.

    Curves on different data cannot be compared; each then names its data.
    """
    first, *others = ([records[name][key] for key in SAME_DATA] for name in present)
    if all(other == first for other in others):
        return present, data_note(records[present[0]]["provenance"])
    notes = [f"{records[name]['dataset']}, {records[name]['provenance']} data" for name in present]
    return [f"{name} ({note})" for name, note in zip(present, notes, strict=True)], "different data"


def _validation(path: Path, quantity: str) -> pd.Series:
    table = pd.read_csv(path)
    return table[table["line"] == "validation"].set_index("epoch")[quantity]
