"""The pictures: learning curves, confusion matrix, accuracy per class, comparison of variants.

Colours are those of Okabe and Ito 2008, https://jfly.uni-koeln.de/color/, told apart by every kind of
colour vision; lines differ in their dashes too. Each picture is a PNG for the screen and, but for the
confusion matrix, which is pixels, an SVG with letters as outlines for print. Their bytes depend on the data
alone: the style is Matplotlib's own, whatever a user's matplotlibrc says, and no date or version is written.
Git keeps these pictures, so the PNGs are stored with a palette, which halves them.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter
from PIL import Image

from stages.results.classification import wilson_interval

Curves = Mapping[str, pd.Series]  # by what the legend calls them; values by epoch

BLUE, VERMILION = "#0072B2", "#D55E00"
PALETTE = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")
GREY, DARK, PALE_BLUE = "#555555", "#222222", "#8FC1E0"

MOST_NAMED = 40  # classes: more names than these do not fit beside a confusion matrix or bars
ENDS = 14  # of the classes that are named then: so many worst and so many best

LEGEND_WIDTH = 125  # letters that fit below a comparison, each line's own mark counted as 8

COLOURS = 256  # of a stored picture
STEPS = 192  # of a confusion matrix' blues, so that its bar looks even; greys for letters are the others

STYLE = {
    "axes.edgecolor": "#999999",
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.dpi": 200,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "font.size": 10,
    "grid.color": "#E6E6E6",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "convnet-study",  # in place of random names of clip paths
}
NOT_WRITTEN = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # into the SVG


def draw_learning_curves(path: Path, loss: Curves, accuracy: Curves, *, title: str) -> None:
    """Draws loss and accuracy side by side, training against validation."""
    with _figure(path, (9.6, 4.0), title) as figure:
        panels = figure.subplots(1, 2)
        for axes, curves, quantity in zip(panels, (loss, accuracy), ("loss", "accuracy"), strict=True):
            _draw_curves(axes, curves, quantity, range(len(curves)))
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)


def draw_comparison(
    path: Path,
    loss: Curves,
    accuracy: Curves,
    *,
    styles: list[int],
    reported: list[Mapping[str, Any]],
    title: str,
    note: str = "",
) -> None:
    """Draws validation loss and validation accuracy side by side, a curve per variant.

    Args:
        path: of the PNG; the SVG is beside it.
        loss: by variant.
        accuracy: by variant, the same variants in the same order.
        styles: of each variant; equal numbers are equal colours and dashes in every comparison.
        reported: of each variant what the report says; its "loss" and "accuracy" are drawn if it has them.
        title: above both.
        note: between them and the legend, such as which variants are missing; "" for none.
    """
    with _figure(path, (9.6, 4.6), title) as figure:
        panels = figure.subplots(1, 2)
        for axes, curves, quantity in zip(panels, (loss, accuracy), ("loss", "accuracy"), strict=True):
            _draw_curves(axes, curves, f"validation {quantity}", styles)
            for style, values, curve in zip(styles, reported, curves.values(), strict=True):
                if quantity in values:
                    colour = PALETTE[style % len(PALETTE)]
                    axes.hlines(values[quantity], curve.index[0], curve.index[-1], colour, linewidth=0.8)
        handles, names = panels[0].get_legend_handles_labels()
        if any("loss" in values or "accuracy" in values for values in reported):
            handles.append(Line2D([], [], color=GREY, linewidth=0.8))
            names.append("report's final value, test images")
        rows = math.ceil(sum(len(name) + 8 for name in names) / LEGEND_WIDTH)
        columns = math.ceil(len(names) / rows)
        legend = figure.legend(handles, names, loc="outside lower center", ncols=columns, title=note or None)
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
    blues = matplotlib.colormaps["Blues"].resampled(STEPS)
    with _figure(path, size, title, colours=_blues_and_greys(blues)) as figure:
        axes = figure.subplots()
        axes.grid(visible=False)
        # With many classes single errors are pale dots, so the scale is stretched at its lower end.
        scale = PowerNorm(1.0 if is_small else 0.4, vmin=0, vmax=1)
        image = axes.imshow(shares, cmap=blues, norm=scale, interpolation="nearest", aspect="auto")
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
        path: of the PNG; the SVG is beside it.
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
        axes.barh(places, accuracies, color=PALE_BLUE, height=0.7)
        axes.hlines(places, low, high, color=DARK, linewidth=1.2)
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


def draw_overview(path: Path, rows: list[Mapping[str, Any]], *, title: str) -> None:
    """Draws the test accuracy of every variant, top to bottom in the study's order.

    Args:
        path: of the PNG; the SVG is beside it.
        rows: of the summary. A dot with its 95 % interval where a variant has run, a hollow mark for what
            the report says, a name alone for neither.
        title: above it.
    """
    here = {"color": BLUE, "marker": "o", "markersize": 5}
    hollow = {"color": VERMILION, "marker": "D", "markersize": 7, "markerfacecolor": "none", "linestyle": ""}
    with _figure(path, (7.6, 1.6 + 0.24 * len(rows)), title) as figure:
        axes = figure.subplots()
        axes.set_axisbelow(True)
        for place, row in enumerate(rows):
            if row["accuracy"] is not None:
                axes.hlines(place, row["accuracy_low"], row["accuracy_high"], BLUE, linewidth=1.4)
                axes.plot(row["accuracy"], place, **here)
            if row["reported_accuracy"] is not None:
                axes.plot(row["reported_accuracy"], place, **hollow)
        names = [
            row["variant"] if row["accuracy"] is not None else f"{row['variant']} (not run)" for row in rows
        ]
        axes.set_yticks(range(len(rows)), names, fontsize=9)
        axes.set_ylim(len(rows) - 0.3, -0.7)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel("accuracy on the test images")
        marks = {"here, with its 95 % interval": here}
        if any(row["reported_accuracy"] is not None for row in rows):
            marks["the report"] = hollow
        handles = [Line2D([], [], **mark) for mark in marks.values()]
        figure.legend(handles, marks, loc="outside lower center", ncols=2)


@contextmanager
def _figure(
    path: Path, size: tuple[float, float], title: str, *, colours: np.ndarray | None = None
) -> Iterator[Figure]:
    """Yields an empty figure and saves it, and beside it as SVG unless it is made of given colours.

    Args:
        path: of the PNG.
        size: in inches.
        title: above it.
        colours: uint8[COLOURS, 3], the palette of the PNG; None chooses one.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=size, layout="constrained")
        figure.suptitle(title)
        yield figure
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        figure.set_layout_engine("none")  # what was laid out stays for the SVG
        pixels = np.asarray(canvas.buffer_rgba())[:, :, :3]
        if colours is None:
            image = Image.fromarray(pixels).quantize(COLOURS, dither=Image.Dither.NONE)
        else:
            image = _indexed(pixels, colours)
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, format="PNG", optimize=True)
        if colours is None:
            figure.savefig(path.with_suffix(".svg"), metadata=NOT_WRITTEN)


def _blues_and_greys(blues: Colormap) -> np.ndarray:
    """Returns uint8[COLOURS, 3]: all colours of a confusion matrix, and greys for its letters."""
    greys = np.linspace(0, 1, COLOURS - STEPS)[:, np.newaxis].repeat(3, axis=1)
    colours = np.concatenate([blues(np.arange(STEPS))[:, :3], greys])
    return np.round(255 * colours).astype(np.uint8)


def _indexed(pixels: np.ndarray, colours: np.ndarray) -> Image.Image:
    """Returns an image of these colours alone, uint8[COLOURS, 3]: for each pixel the nearest one."""
    red, green, blue = (pixels[:, :, i].astype(np.int32) for i in range(3))
    numbers = red << 16 | green << 8 | blue
    places = np.zeros(1 << 24, np.uint8)  # of each colour that an image may have, which is faster than a sort
    places[numbers] = 1
    found = np.flatnonzero(places)
    rgb = found[:, np.newaxis] >> np.array([16, 8, 0]) & 255
    distances = ((rgb[:, np.newaxis] - colours.astype(int)) ** 2).sum(axis=2)  # (found, COLOURS)
    places[found] = distances.argmin(axis=1)
    image = Image.fromarray(places[numbers])
    image.putpalette(colours.tobytes())
    return image


def _draw_curves(axes: Axes, curves: Curves, quantity: str, styles: Iterable[int]) -> None:
    for (name, curve), style in zip(curves.items(), styles, strict=True):
        axes.plot(
            curve.index,
            curve,
            label=name,
            color=PALETTE[style % len(PALETTE)],
            linestyle=DASHES[style % len(DASHES)],
            marker="o" if len(curve) == 1 else None,  # a line through one point would not be seen
        )
    axes.set_title(quantity)
    first = min(curve.index[0] for curve in curves.values())
    last = max(curve.index[-1] for curve in curves.values())
    earlier = f"; epochs 1 to {first - 1}: the run it started from" if first > 1 else ""
    axes.set_xlabel(f"epoch{earlier}")
    ticks = MaxNLocator(6, integer=True).tick_values(first, last)
    room = (ticks[1] - ticks[0]) / 2  # around the first and the last epoch, which always have a tick
    axes.set_xticks([first, *(tick for tick in ticks if first + room < tick < last - room), last])


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


def _short(name: str, most: int = 28) -> str:
    text = re.sub(r"^\d+\.", "", name).replace("_", " ")  # CUB-200's folders: 001.Black_footed_Albatross
    return text if len(text) <= most else text[: most - 1] + "…"
