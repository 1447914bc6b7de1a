"""The pictures: learning curves, confusion matrix, accuracy per class, comparison of variants.

Colours are those of Okabe and Ito 2008, https://jfly.uni-koeln.de/color/, told apart by every kind of
colour vision; lines differ in their dashes too. A picture's bytes depend on its data alone: the style
is Matplotlib's own, whatever a user's matplotlibrc says, and no date or version is written. Git keeps
these pictures, so they are stored with a palette, which halves them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from PIL import Image

from stages.results.classification import wilson_interval
from stages.results.learning_curves import Lines

BLUE, VERMILION = "#0072B2", "#D55E00"
PALETTE = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")
GREY = "#555555"

MOST_NAMED = 40  # classes: more names than these do not fit beside a confusion matrix or bars
ENDS = 14  # of the classes that are named then: so many worst and so many best

COLOURS = 256  # of a stored picture

STYLE = {
    "axes.edgecolor": "#999999",
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.dpi": 100,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "font.size": 10,
    "grid.color": "#E6E6E6",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "savefig.dpi": 100,
}


def draw_learning_curves(path: Path, loss: Lines, accuracy: Lines, *, title: str) -> None:
    """Draws loss and accuracy side by side, training against validation."""
    with _figure(path, (9.6, 4.0), title) as figure:
        for axes, lines, quantity in zip(
            figure.subplots(1, 2), (loss, accuracy), ("loss", "accuracy"), strict=True
        ):
            _draw_lines(axes, lines, quantity)
            axes.legend()


def draw_comparison(path: Path, loss: Lines, accuracy: Lines, *, title: str, note: str = "") -> None:
    """Draws validation loss and validation accuracy side by side, one line per variant.

    Args:
        path: of the PNG.
        loss: by variant.
        accuracy: by variant, the same variants in the same order.
        title: above both.
        note: between them and the legend, such as which variants are missing; "" for none.
    """
    with _figure(path, (9.6, 4.6), title) as figure:
        left, right = figure.subplots(1, 2)
        _draw_lines(left, loss, "validation loss")
        _draw_lines(right, accuracy, "validation accuracy")
        columns = min(len(loss), 5)
        handles, variants = left.get_legend_handles_labels()
        legend = figure.legend(
            handles, variants, loc="outside lower center", ncols=columns, title=note or None
        )
        legend.get_title().set_color(GREY)


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
    with _figure(path, size, title) as figure:
        axes = figure.subplots()
        axes.grid(visible=False)
        # With many classes single errors are pale dots, so the scale is stretched at its lower end.
        scale = PowerNorm(1.0 if is_small else 0.4, vmin=0, vmax=1)
        image = axes.imshow(shares, cmap="Blues", norm=scale, interpolation="nearest")
        step = 1 if is_small else len(class_names) // 20
        ticks = range(0, len(class_names), step)
        names = [_short(class_names[tick]) for tick in ticks]
        axes.set_xticks(ticks, names, rotation=90, fontsize=9 if is_small else 8)
        axes.set_yticks(ticks, names, fontsize=9 if is_small else 8)
        axes.set_xlabel("predicted class" if is_small else f"predicted class (every {step}th is named)")
        axes.set_ylabel("true class")
        bar = figure.colorbar(image, shrink=0.6, aspect=30, pad=0.02, format=PercentFormatter(1))
        bar.set_ticks([0, 0.2, 0.4, 0.6, 0.8, 1] if is_small else [0, 0.05, 0.2, 0.4, 0.6, 0.8, 1])
        bar.outline.set_visible(False)
        bar.set_label("share of the true class")
        if is_small:
            _write_cells(axes, shares)


def draw_accuracy_per_class(path: Path, rows: list[tuple[str, float, int]], *, title: str) -> None:
    """Draws one bar per class, best above, with its 95 % interval.

    Args:
        path: of the PNG.
        rows: (class, accuracy, n images), worst first. Of many classes only the ends are drawn.
        title: above it.
    """
    mean = sum(accuracy * n for _, accuracy, n in rows) / sum(n for _, _, n in rows)
    shown = rows if len(rows) <= MOST_NAMED else rows[:ENDS] + rows[-ENDS:]
    gap = 0 if shown is rows else 2  # of empty rows between both ends
    places = np.arange(len(shown)) + gap * (np.arange(len(shown)) >= ENDS)
    accuracies = np.array([row[1] for row in shown])
    low, high = wilson_interval(accuracies, np.array([row[2] for row in shown]))
    with _figure(path, (7.6, 1.8 + 0.21 * len(shown)), title) as figure:
        axes = figure.subplots()
        axes.grid(visible=False, axis="y")
        axes.set_axisbelow(True)
        axes.barh(places, accuracies, color=BLUE, height=0.7)
        axes.hlines(places, low, high, color="#222222", linewidth=1)
        axes.axvline(mean, color=VERMILION, linestyle="--", linewidth=1.4, label=f"all classes: {mean:.1%}")
        axes.set_yticks(places, [_short(row[0]) for row in shown], fontsize=9)
        axes.set_ylim(-0.8, places[-1] + 0.8)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.set_xlabel("test accuracy; thin lines: 95 % interval")
        if gap:
            between = f"{len(rows) - len(shown)} classes between"
            axes.text(0.01, ENDS + 0.5, between, va="center", color=GREY, style="italic")
        figure.legend(loc="outside lower center")


@contextmanager
def _figure(path: Path, size: tuple[float, float], title: str) -> Iterator[Figure]:
    """Yields an empty figure, `size` in inches, and saves it at `path`."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=size, layout="constrained")
        figure.suptitle(title)
        yield figure
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[:, :, :3]
        image = Image.fromarray(pixels).quantize(COLOURS, dither=Image.Dither.NONE)
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, format="PNG", optimize=True)


def _draw_lines(axes: Axes, lines: Lines, quantity: str) -> None:
    for number, (line, curve) in enumerate(lines.items()):
        epochs, values = zip(*curve, strict=True)
        style = DASHES[number % len(DASHES)]
        marker = "o" if len(curve) == 1 else None  # a line through one point would not be seen
        axes.plot(
            epochs, values, color=PALETTE[number % len(PALETTE)], linestyle=style, marker=marker, label=line
        )
    axes.set_title(quantity)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _write_cells(axes: Axes, shares: np.ndarray) -> None:
    """Writes whole per cents into the cells that would not round to 0."""
    for row, column in np.argwhere(shares >= 0.005):
        share = shares[row, column]
        colour = "white" if share > 0.5 else "#222222"
        axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=colour, fontsize=7)


def _short(name: str, most: int = 28) -> str:
    text = re.sub(r"^\d+\.", "", name).replace("_", " ")  # CUB-200's folders: 001.Black_footed_Albatross
    return text if len(text) <= most else text[: most - 1] + "…"
