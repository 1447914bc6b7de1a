"""The figure of a ladder: a row per step, which the style lays out for wide windows and for narrow ones."""

from collections.abc import Callable
from itertools import pairwise

from stages.page.bilingual import decimal, translated
from stages.page.content import Json, VariantView
from stages.page.leaderboard import accuracy_change

BETWEEN_TICKS = (0.1, 0.05, 0.02, 0.01)


def figure(ladder: Json) -> str:
    """Returns the steps that have run from top to bottom, their gains in words; "" for fewer than two."""
    steps = [step for step in ladder["steps"] if step.has_run]
    if len(steps) < 2:
        return ""
    values = [value for step in steps for points in _points(step) for value in points]
    room = 0.04 * (max(values) - min(values) or 1)
    low, high = min(values) - room, max(values) + room
    apart = next((apart for apart in BETWEEN_TICKS if high - low > 3 * apart), BETWEEN_TICKS[-1])
    ticks = [tick * apart for tick in range(round(1 / apart) + 1) if low < tick * apart < high]

    def x(value: float) -> float:
        return round(100 * (value - low) / (high - low), 2)

    grid = "".join(_line("grid", x(tick), x(tick), 0, 100) for tick in ticks)
    rows = [_row(step, grid + _marks(step, above, x)) for above, step in pairwise([None, *steps])]
    labels = "".join(f'<text x="{x(tick)}%" y="14">{decimal(tick, ".2f")}</text>' for tick in ticks)
    labels = labels.replace("<span", "<tspan").replace("</span", "</tspan")
    title = f'<a href="#ladder-{ladder["name"]}">{translated(ladder["title"])}</a>'
    return f"""<figure class="ladder"><figcaption>{title}</figcaption>
<ol>{"".join(rows)}</ol><div class="axis" aria-hidden="true"><svg>{labels}</svg></div></figure>"""


def _row(step: VariantView, marks: str) -> str:
    row = step.row
    gain = accuracy_change(step) if row["gain"] is not None else ""
    idea = f'<a href="#variant-{step.name}">{translated(row["idea"])}</a>'
    values = f"<span>{decimal(row['accuracy'], '.3f')}</span> <span>{gain}</span>"
    return f'<li>{idea} <svg aria-hidden="true">{marks}</svg> {values}</li>'


def _marks(step: VariantView, above: VariantView | None, x: Callable[[float], float]) -> str:
    """Returns the drawing of a step, across in per cent, as its width is that of the window."""
    row, mean, marks = step.row, x(step.row["accuracy"]), []
    seeds, ensemble, reported = _points(step)
    if above and above.name == row["parent"]:  # otherwise the step before has not run
        before = x(above.row["accuracy"])
        if row["gain"] is not None:
            left, width = min(before, mean), abs(mean - before)
            marks.append(f'<rect x="{left}%" width="{width:.2f}%" y="22%" height="56%"/>')
        marks += [_line("way", before, before, -50, 50), _line("way", before, mean, 50, 50)]
    marks += [f'<circle class="seed" cx="{x(value)}%" cy="50%" r="3"/>' for value in seeds]
    marks.append(_line("mean", mean, mean, 18, 82))
    marks += [f'<circle class="hollow" cx="{x(value)}%" cy="50%" r="5"/>' for value in ensemble]
    diamond = '<path class="reported" d="M0-6l6 6-6 6-6-6z"/>'
    marks += [f'<svg x="{x(value)}%" y="50%">{diamond}</svg>' for value in reported]
    return "".join(marks)


def _line(kind: str, left: float, right: float, top: int, bottom: int) -> str:
    return f'<line class="{kind}" x1="{left}%" x2="{right}%" y1="{top}%" y2="{bottom}%"/>'


def _points(step: VariantView) -> tuple[list[float], list[float], list[float]]:
    """Returns the accuracies of the seeds, of their ensemble and, if comparable, of the report."""
    ensemble, reported, difference = (
        step.row[key] for key in ("ensemble", "reported_accuracy", "difference")
    )
    return step.row["accuracies"], [ensemble] * (ensemble is not None), [reported] * (difference is not None)
