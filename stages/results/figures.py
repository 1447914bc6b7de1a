"""Pictures of curves: of a variant, and of variants side by side; and the overview of all of them."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator, PercentFormatter

from stages.results.curves import Curves
from stages.results.drawing import BLUE, DARK, DASHES, GREY, PALETTE, VERMILION, figure

LEGEND_WIDTH = 125  # letters that fit below a comparison, each line's own mark counted as 8
MOST_TICKS = 7  # penalties that are written below their axis


def draw_learning_curves(path: Path, loss: Curves, accuracy: Curves, *, title: str) -> None:
    """Draws loss and accuracy side by side, training against validation."""
    with figure(path, (9.6, 4.0), title) as drawn:
        panels = drawn.subplots(1, 2)
        for axes, curves, quantity in zip(panels, (loss, accuracy), ("loss", "accuracy"), strict=True):
            _draw_curves(axes, curves, quantity, range(len(curves)))
        drawn.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)


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
        path: of the PNG; the SVG is next to it.
        loss: by variant.
        accuracy: by variant, the same variants in the same order.
        styles: of each variant; equal numbers are equal colours and dashes in every comparison.
        reported: what the report says of each variant; its "loss" and "accuracy" are drawn, if given.
        title: above both.
        note: between them and the legend, such as which variants are missing; "" for none.
    """
    with figure(path, (9.6, 4.6), title) as drawn:
        panels = drawn.subplots(1, 2)
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
        legend = drawn.legend(handles, names, loc="outside lower center", ncols=columns, title=note or None)
        legend.get_title().set_color(GREY)


def draw_overview(path: Path, rows: list[Mapping[str, Any]], *, title: str) -> None:
    """Draws the test accuracy of every variant, top to bottom in the study's order.

    Args:
        path: of the PNG; the SVG is next to it.
        rows: of the summary, first those that the report has. A dot with its 95 % interval where a
            variant has run, small ones for several seeds, a hollow mark for what the report says, only a
            name for neither.
        title: above it.
    """
    here = {"color": BLUE, "marker": "o", "markersize": 5}
    seed = {"color": DARK, "marker": "o", "markersize": 2.2, "markeredgewidth": 0, "linestyle": ""}
    hollow = {"color": VERMILION, "marker": "D", "markersize": 7, "markerfacecolor": "none", "linestyle": ""}
    with figure(path, (7.6, 1.6 + 0.24 * len(rows)), title) as drawn:
        axes = drawn.subplots()
        axes.set_axisbelow(True)
        for place, row in enumerate(rows):
            if row["accuracy"] is not None:
                axes.hlines(place, row["accuracy_low"], row["accuracy_high"], BLUE, linewidth=1.4)
                axes.plot(row["accuracy"], place, **here)
                if len(row["accuracies"]) > 1:
                    below = [place + 0.28] * len(row["accuracies"])
                    axes.plot(row["accuracies"], below, **seed)
            if row["reported_accuracy"] is not None:
                axes.plot(row["reported_accuracy"], place, **hollow)
        names = [
            row["variant"] if row["accuracy"] is not None else f"{row['variant']} (not run)" for row in rows
        ]
        known = sum(row["section"] is not None for row in rows)
        if 0 < known < len(rows):
            axes.axhline(known - 0.5, color=GREY, linewidth=0.8)  # below it what is beyond the report
        axes.set_yticks(range(len(rows)), names, fontsize=9)
        axes.set_ylim(len(rows) - 0.3, -0.7)
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.set_xlabel("accuracy on the test images")
        marks = {"here, with its 95 % interval": here}
        if any(len(row["accuracies"]) > 1 for row in rows):
            marks["one seed"] = seed
        if any(row["reported_accuracy"] is not None for row in rows):
            marks["the report"] = hollow
        handles = [Line2D([], [], **mark) for mark in marks.values()]
        drawn.legend(handles, marks, loc="outside lower center", ncols=len(marks))


def _draw_curves(axes: Axes, curves: Curves, quantity: str, styles: Iterable[int]) -> None:
    for (name, curve), style in zip(curves.items(), styles, strict=True):
        colour = PALETTE[style % len(PALETTE)]
        axes.plot(
            curve.index,
            curve["value"],
            label=name,
            color=colour,
            linestyle=DASHES[style % len(DASHES)],
            marker="o" if len(curve) == 1 else None,  # a line through one point would be invisible
        )
        if "low" in curve:
            axes.fill_between(curve.index, curve["low"], curve["high"], color=colour, alpha=0.18, linewidth=0)
    axes.set_title(quantity)
    places = sorted(set().union(*(curve.index for curve in curves.values())))
    is_band = any("low" in curve for curve in curves.values())
    band = "; bands: one standard deviation over seeds" if is_band else ""
    if next(iter(curves.values())).index.name == "penalty":
        _penalty_axis(axes, places)
        axes.set_xlabel(f"penalty{band}")
    else:
        _epoch_axis(axes, places[0], places[-1])
        earlier = f"; 1 to {places[0] - 1}: the run it started from" if places[0] > 1 else ""
        axes.set_xlabel(f"epoch{earlier}{band}")


def _epoch_axis(axes: Axes, first: int, last: int) -> None:
    ticks = MaxNLocator(6, integer=True).tick_values(first, last)
    room = (ticks[1] - ticks[0]) / 2  # around the first and the last epoch, which always have a tick
    axes.set_xticks([first, *(tick for tick in ticks if first + room < tick < last - room), last])


def _penalty_axis(axes: Axes, penalties: list[float]) -> None:
    shown = penalties[:: math.ceil(len(penalties) / MOST_TICKS)]
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(shown, [f"{penalty:g}" for penalty in shown])
