"""The picture of the ladders; its model is Fig. 2 of ConvNeXt's paper (Liu et al. 2022)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stages.results.drawing import DAY, NIGHT, figure

Row = Mapping[str, Any]

WIDTH, ROW, ABOVE = 7.6, 0.27, 0.62  # inches: of the picture, of a step, and of a panel's title and axis
LETTERS = 9  # points; 10 pixels where the picture is 600 wide
ACCURACY, GAIN = 1.02, 1.135  # where their columns start, in widths of a panel
MINUS = "\N{MINUS SIGN}"


def draw_ladders(folder: Path, name: str, ladders: Mapping[str, Sequence[Row]], *, title: str) -> None:
    """Draws <name>.png and <name>_dark.png: a panel per ladder, its steps from top to bottom.

    Args:
        folder: to write in.
        name: of the files.
        ladders: by title the rows of steps that have run, as `summary.climb` returns them.
        title: above all.
    """
    number = sum(len(steps) for steps in ladders.values())
    size = WIDTH, 0.9 + ABOVE * len(ladders) + ROW * number
    for path, palette in ((f"{name}.png", DAY), (f"{name}_dark.png", NIGHT)):
        with figure(folder / path, size, title, palette=palette) as drawn:
            heights = [len(steps) + 1 for steps in ladders.values()]  # so that all steps are of one height
            panels = drawn.subplots(len(ladders), 1, squeeze=False, height_ratios=heights)[:, 0]
            marks = _marks(palette)
            for axes, (heading, steps) in zip(panels, ladders.items(), strict=True):
                _draw_panel(axes, heading, steps, marks, palette)
            panels[-1].set_xlabel("accuracy on the test images", fontsize=LETTERS)
            handles = [Line2D([], [], **mark) for mark in marks.values()]
            drawn.legend(handles, list(marks), loc="outside lower center", ncols=len(marks), fontsize=LETTERS)


def _marks(palette: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Returns how each value is drawn; their shapes differ, not just their colours."""
    here, report, ink = palette["here"], palette["report"], palette["ink"]
    return {
        "mean over seeds": {"marker": "|", "markersize": 13, "markeredgewidth": 2.4, "color": ink, "ls": ""},
        "one seed": {"marker": "o", "markersize": 3.4, "color": here, "markeredgewidth": 0, "ls": ""},
        "ensemble of the seeds": {"marker": "o", "markersize": 6, "color": here, "mfc": "none", "ls": ""},
        "the report": {"marker": "D", "markersize": 6.5, "color": report, "mfc": "none", "ls": ""},
    }


def _draw_panel(
    axes: Axes, heading: str, steps: Sequence[Row], marks: Mapping[str, Row], palette: Mapping[str, str]
) -> None:
    mean, seed, ensemble, report = marks.values()
    axes.set_axisbelow(True)
    axes.grid(visible=False, axis="y")
    axes.set_title(heading, loc="left", fontsize=10, fontweight="bold")
    aside = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": LETTERS}
    axes.text(ACCURACY, -0.85, "mean", **aside, color=palette["soft"])
    axes.text(GAIN, -0.85, "gain [95 %]", **aside, color=palette["soft"])
    for place, (above, row) in enumerate(pairwise([None, *steps])):
        if above and above["variant"] == row["parent"]:  # otherwise the step before has not run
            before, here = above["accuracy"], row["accuracy"]
            axes.plot([before, before, here], [place - 1, place, place], color=palette["soft"], linewidth=1)
        if row["gain"] is not None:
            axes.barh(place, row["gain"], 0.56, left=before, color=palette["pale"])
            is_sure = row["gain_low"] > 0 or row["gain_high"] < 0
            axes.text(GAIN, place, _gain(row), **aside, color=palette["ink" if is_sure else "soft"])
        axes.plot(row["accuracies"], [place] * len(row["accuracies"]), **seed)
        axes.plot(row["accuracy"], place, **mean)
        if row["ensemble"] is not None:
            axes.plot(row["ensemble"], place, **ensemble)
        if row["difference"] is not None:  # otherwise it is not comparable
            axes.plot(row["reported_accuracy"], place, **report)
        axes.text(ACCURACY, place, f"{row['accuracy']:.3f}", **aside)
    axes.set_yticks(range(len(steps)), [row["idea"] for row in steps], fontsize=LETTERS)
    axes.tick_params(axis="x", labelsize=LETTERS)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(steps) - 0.4, -0.6)


def _gain(row: Row) -> str:
    values = [f"{row[f'gain{end}']:+.3f}".replace("-", MINUS) for end in ("", "_low", "_high")]
    return f"{values[0]} [{values[1]}, {values[2]}]"
