"""Pictures of classes: which are confused, and how well each is recognised."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, PowerNorm
from matplotlib.ticker import PercentFormatter

from stages.results.classification import ClassAccuracy
from stages.results.drawing import COLOURS, DARK, GREY, PALE_BLUE, VERMILION, figure, labels

MOST_NAMED = 40  # classes: more names than these do not fit next to a confusion matrix or bars
ENDS = 14  # classes that are named then: so many of the worst and of the best
STEPS = 192  # of a confusion matrix' blues, so that its bar looks even; greys for letters are the others


def draw_confusion_matrix(
    path: Path, confusion: np.ndarray, class_names: tuple[str, ...], *, title: str
) -> None:
    """Draws the matrix with each row as shares of its class.

    Args:
        path: of the PNG.
        confusion: int64[k, k], rows are true classes.
        class_names: k names. With many classes only some are written.
        title: above it.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    is_small = len(class_names) <= MOST_NAMED
    size = (9.0, 8.6) if is_small else (8.2, 7.6)
    blues = matplotlib.colormaps["Blues"].resampled(STEPS)
    with figure(path, size, title, colours=_blues_and_greys(blues)) as drawn:
        axes = drawn.subplots()
        axes.grid(visible=False)
        # With many classes single errors are pale dots, so the scale is stretched at its lower end.
        scale = PowerNorm(1.0 if is_small else 0.4, vmin=0, vmax=1)
        image = axes.imshow(shares, cmap=blues, norm=scale, interpolation="nearest", aspect="auto")
        step = 1 if is_small else len(class_names) // 20
        ticks = range(0, len(class_names), step)
        shown = labels(class_names)
        names = [shown[tick] for tick in ticks]
        axes.set_xticks(ticks, names, rotation=90, fontsize=9 if is_small else 8)
        axes.set_yticks(ticks, names, fontsize=9 if is_small else 8)
        axes.set_xlabel("predicted class" if is_small else f"predicted class (every {step}th is named)")
        axes.set_ylabel("true class")
        bar = drawn.colorbar(image, shrink=0.6, aspect=30, pad=0.02, format=PercentFormatter(1))
        bar.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1] if is_small else [0, 0.05, 0.2, 0.4, 0.6, 0.8, 1])
        bar.outline.set_visible(False)
        bar.set_label("share of the true class")
        if is_small:
            _write_cells(axes, shares)


def draw_accuracy_per_class(
    path: Path, rows: Sequence[ClassAccuracy], class_names: Sequence[str], *, title: str
) -> None:
    """Draws one bar per class, best above, with its 95 % interval.

    Args:
        path: of the PNG; the SVG is next to it.
        rows: of the classes that have images, worst first. Of many classes only the ends are drawn.
        class_names: of all classes.
        title: above it.
    """
    mean = sum(row.accuracy * row.n for row in rows) / sum(row.n for row in rows)
    shown = rows if len(rows) <= MOST_NAMED else [*rows[:ENDS], *rows[-ENDS:]]
    gap = 0 if shown is rows else 2  # of empty rows between both ends
    places = np.arange(len(shown)) + gap * (np.arange(len(shown)) >= ENDS)
    names = dict(zip(class_names, labels(class_names), strict=True))
    without = len(class_names) - len(rows)
    with figure(path, (7.6, 1.8 + 0.21 * len(shown)), title) as drawn:
        axes = drawn.subplots()
        axes.grid(visible=False, axis="y")
        axes.set_axisbelow(True)
        axes.barh(places, [row.accuracy for row in shown], color=PALE_BLUE, height=0.7)
        low, high = ([getattr(row, end) for row in shown] for end in ("low", "high"))
        axes.hlines(places, low, high, color=DARK, linewidth=1.2)
        axes.axvline(mean, color=VERMILION, linestyle="--", linewidth=1.4, label=f"all classes: {mean:.1%}")
        axes.set_yticks(places, [names[row.name] for row in shown], fontsize=9)
        axes.set_ylim(-0.8, places[-1] + 0.8)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        missing = f"; {without} classes have no test image" if without else ""
        axes.set_xlabel(f"test accuracy; thin lines: 95 % interval{missing}")
        if gap:
            between = f"{len(rows) - len(shown)} classes between"
            axes.text(0.01, ENDS + 0.5, between, va="center", color=GREY, style="italic")
        drawn.legend(loc="outside lower center")


def _blues_and_greys(blues: Colormap) -> np.ndarray:
    """Returns uint8[COLOURS, 3]: all colours of a confusion matrix, and greys for its letters."""
    greys = np.linspace(0, 1, COLOURS - STEPS)[:, np.newaxis].repeat(3, axis=1)
    colours = np.concatenate([blues(np.arange(STEPS))[:, :3], greys])
    return np.round(255 * colours).astype(np.uint8)


def _write_cells(axes: Axes, shares: np.ndarray) -> None:
    """Writes whole per cents into the cells that would not round to 0."""
    for row, column in np.argwhere(shares >= 0.005):
        share = shares[row, column]
        colour = "white" if share > 0.5 else DARK
        axes.text(
            column,
            row,
            f"{100 * share:.0f}",
            ha="center",
            va="center",
            color=colour,
            fontsize=7,
            in_layout=False,
        )
