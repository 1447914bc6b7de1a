"""Figures that need no script: intervals of accuracy in a table, and calibration. The style colours them."""

import pandas as pd

from stages.page.bilingual import decimal, text
from stages.results.proportions import wilson_interval

WIDTH, HEIGHT = 160, 20  # of an interval, in pixels
SIDE, MARGIN = 300, 42  # of a calibration curve


def accuracy_interval(
    ends: tuple[float, float, float] | None, reported: float | None, scale: tuple[float, float]
) -> str:
    """Returns a dot on its interval, and a hollow mark at the report's value.

    Args:
        ends: lower bound, accuracy and upper bound; None where the variant has not run.
        reported: what the report says, if it is comparable.
        scale: accuracies at the left and right end.
    """
    middle = HEIGHT / 2
    marks = "".join(f'<path class="grid" d="M{_across(tick, scale)} 0V{HEIGHT}"/>' for tick in _tenths(scale))
    if ends:
        low, accuracy, high = (_across(value, scale) for value in ends)
        marks += (
            f'<path class="bar" d="M{low} {middle}H{high}"/><circle cx="{accuracy}" cy="{middle}" r="4"/>'
        )
    if reported is not None:
        marks += f'<path class="reported" d="M{_across(reported, scale)} {middle - 6}l5 6-5 6-5-6z"/>'
    return _range(marks)


def accuracy_axis(scale: tuple[float, float]) -> str:
    """Returns the labels above a column of intervals."""
    ticks = _tenths(scale)
    labels = ticks if len(ticks) < 8 else [ticks[0], ticks[-1]]
    marks = "".join(
        f'<text x="{_across(tick, scale)}" y="14" text-anchor="middle">{decimal(tick, ".1f")}</text>'.replace(
            "<span", "<tspan"
        ).replace("</span", "</tspan")
        for tick in labels
    )
    return _range(marks)


def _range(marks: str) -> str:
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg class="range" {size} aria-hidden="true">{marks}</svg>'


def _across(value: float, scale: tuple[float, float]) -> str:
    return f"{10 + (value - scale[0]) / (scale[1] - scale[0]) * (WIDTH - 20):.1f}"


def _tenths(scale: tuple[float, float]) -> list[float]:
    return [tenth / 10 for tenth in range(round(10 * scale[0]), round(10 * scale[1]) + 1)]


def calibration_curve(bins: pd.DataFrame) -> str:
    """Returns accuracy against confidence with a 95 % interval per bin; on the diagonal both are equal.

    Args:
        bins: columns confidence, accuracy and images.
    """
    size = SIDE - MARGIN - 12

    def x(share: float) -> float:
        return MARGIN + share * size

    def y(share: float) -> float:
        return 12 + (1 - share) * size

    drawn = [f'<path class="diagonal" d="M{x(0)} {y(0)}L{x(1)} {y(1)}"/>']
    for tick in (0, 0.2, 0.4, 0.6, 0.8, 1):
        drawn.append(f'<path class="grid" d="M{x(tick):.1f} {y(0)}V{y(1)}M{x(0)} {y(tick):.1f}H{x(1)}"/>')
        label = f"{100 * tick:.0f}"
        drawn.append(f'<text x="{x(tick):.1f}" y="{y(0) + 16}" text-anchor="middle">{label}</text>')
        drawn.append(f'<text x="{x(0) - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{label}</text>')
    most = bins["images"].max()
    points = []
    for confidence, accuracy, images in bins[["confidence", "accuracy", "images"]].itertuples(index=False):
        low, high = wilson_interval(accuracy, images)
        radius = 2 + 4 * (images / most) ** 0.5
        place = f"{x(confidence):.1f}"
        points.append(f"{place} {y(accuracy):.1f}")
        drawn.append(f'<path class="bar" d="M{place} {y(low):.1f}V{y(high):.1f}"/>')
        drawn.append(
            f'<circle cx="{place}" cy="{y(accuracy):.1f}" r="{radius:.1f}">'
            f"<title>{100 * confidence:.0f} % → {100 * accuracy:.0f} % (n = {images:.0f})</title></circle>"
        )
    drawn.insert(7, f'<path class="curve" d="M{"L".join(points)}"/>')
    curve = f'<svg class="calibration" viewBox="0 0 {SIDE} {SIDE}" aria-hidden="true">{"".join(drawn)}</svg>'
    return f'{curve}<p class="axes">{text("calibration_axes")}</p>'
