"""Variants side by side: one figure per comparison."""

from collections.abc import Mapping
from pathlib import Path

from stages.errors import InputError
from stages.results.contents import Comparison
from stages.results.figures import draw_comparison
from stages.results.learning_curves import Lines, read_lines, write_lines


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
