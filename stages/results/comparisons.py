"""Variants side by side: a picture and two tables per comparison."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from stages.results import comparable, curves
from stages.results.comparable import Json, data_note
from stages.results.drawing import PALETTE
from stages.results.evaluated import Evaluated
from stages.results.figures import draw_comparison


def write_comparison(
    folder: Path,
    name: str,
    variants: list[str],
    figure: str,
    *,
    evaluated: Mapping[str, Evaluated],
    report: Json,
    styles: Mapping[str, int],
    plots: Path,
) -> bool:
    """Writes <name>.png, <name>_loss.csv and <name>_accuracy.csv; nothing for fewer than two curves.

    The tables have a column with the colour of each curve, for other views of them.

    Args:
        folder: of all comparisons.
        name: of the files.
        variants: in the order of the legend; the picture names those that have not run.
        figure: of the report, such as Fig. 5; "" for none.
        evaluated: the variants that have run.
        report: what the report says, as in report.yaml.
        styles: of each variant.
        plots: holds a folder per variant with loss.csv and accuracy.csv.

    Returns:
        Whether anything was written.
    """
    drawn = _curves([variant for variant in variants if variant in evaluated], plots)
    present = list(drawn["loss"])
    if len(present) < 2:
        return False
    labels, data = _labels(present, evaluated)
    colours = [PALETTE[styles[variant] % len(PALETTE)] for variant in present]
    for quantity, found in drawn.items():
        named = zip(labels, found.values(), colours, strict=True)
        drawn[quantity] = {label: curve.assign(colour=colour) for label, curve, colour in named}
        path = folder / f"{name}_{quantity}.csv"
        curves.write(path, drawn[quantity], "variant", f"val_{quantity}")
    words = name.replace("_", " ").capitalize()
    remarks = [f"report: {figure}"] * bool(figure) + [data] * bool(data)
    draw_comparison(
        folder / f"{name}.png",
        **drawn,
        styles=[styles[variant] for variant in present],
        reported=[comparable.reported(variant, evaluated[variant].record, report) for variant in present],
        title=f"{words} ({'; '.join(remarks)})" if remarks else words,
        note=_absent(variants, present, evaluated),
    )
    return True


def styles(study: Json) -> dict[str, int]:
    """Returns a style per variant, the same in all figures and different within each.

    Args:
        study: `variants`, by `extends` what each extends, the `comparisons`, `ladders` and `report`. Variants
            that have not run count too, so that each keeps its style when others join it.
    """
    groups = [group["variants"] for group in study["comparisons"].values()]
    groups += [list(pair) for pair in study["extends"].items()]
    reported = study["report"]["results"]
    of_section = defaultdict(list)
    for name, result in reported.items():
        of_section[result.get("section", name)].append(name)
    groups += of_section.values()
    ladders = [{step["variant"] for step in ladder["steps"]} for ladder in study["ladders"]]
    groups += [steps - reported.keys() for steps in ladders]  # which the page has in one figure; likewise:
    others = set(study["variants"]) - reported.keys() - set().union(*ladders)
    groups.append(others | {study["extends"][name] for name in others & study["extends"].keys()})
    chosen: dict[str, int] = {}
    for variant in study["variants"]:
        neighbours = {name for group in groups if variant in group for name in group}
        taken = {chosen[name] for name in neighbours & chosen.keys()}
        chosen[variant] = next(style for style in count() if style not in taken)
    return chosen


def _curves(variants: list[str], plots: Path) -> dict[str, curves.Curves]:
    """Returns validation curves by quantity and variant: over epochs or, if none, over penalties."""
    found = {
        quantity: {
            variant: curves.read(plots / variant / f"{quantity}.csv", "validation", quantity)
            for variant in variants
        }
        for quantity in ("loss", "accuracy")
    }
    counts = {curve.index.name for curve in found["loss"].values()}
    index = next((index for index in curves.INDICES if index in counts), "")
    return {
        quantity: {variant: curve for variant, curve in of_all.items() if curve.index.name == index}
        for quantity, of_all in found.items()
    }


def _labels(present: list[str], evaluated: Mapping[str, Evaluated]) -> tuple[list[str], str]:
    """Returns what to call each curve, and the title's note on the data.

    Curves on different data cannot be compared; each then names its data.
    """
    first, *others = (evaluated[name].record for name in present)
    if all(comparable.is_same_data(first, other) for other in others):
        return present, data_note(first["provenance"])
    notes = [f"{record['dataset']}, {record['provenance']} data" for record in (first, *others)]
    return [f"{name} ({note})" for name, note in zip(present, notes, strict=True)], "different data"


def _absent(variants: list[str], present: list[str], evaluated: Mapping[str, Evaluated]) -> str:
    """Returns a note on the variants of a comparison that have no curve in it."""
    missing = [variant for variant in variants if variant not in evaluated]
    others = [variant for variant in variants if variant in evaluated and variant not in present]
    notes = [f"not run yet: {', '.join(missing)}"] * bool(missing)
    notes += [f"fitted without epochs: {', '.join(others)}"] * bool(others)
    return "; ".join(notes)
