"""The calibration of a variant, a figure that needs no script; the style sheet colours it."""

import pandas as pd

from stages.page.bilingual import text
from stages.results.proportions import wilson_interval


def calibration(bins: pd.DataFrame) -> str:
    """Returns accuracy against confidence with a 95 % interval per bin; on the diagonal both are equal.

    Args:
        bins: columns confidence, accuracy and images.
    """
    drawn = [
        _line("grid", *ends)
        for tick in range(0, 101, 20)
        for ends in ((tick, tick, 0, 100), (0, 100, tick, tick))
    ]
    drawn.append(_line("diagonal", 0, 100, 0, 100))
    most = bins["images"].max()
    for share, right, images in bins[["confidence", "accuracy", "images"]].itertuples(index=False):
        low, high = (100 * end for end in wilson_interval(right, images))
        x, y = 100 * share, 100 * right
        drawn.append(_line("bar", x, x, low, high))
        title = f"<title>{x:.0f} % → {y:.0f} % (n = {images:.0f})</title>"
        radius = 2 + 4 * (images / most) ** 0.5
        drawn.append(f'<circle cx="{x:.1f}%" cy="{100 - y:.1f}%" r="{radius:.1f}">{title}</circle>')
    curve = f'<svg class="calibration" aria-hidden="true">{"".join(drawn)}</svg>'
    return f'<h4>{text("calibration")}</h4>{curve}<p class="axes">{text("calibration_axes")}</p>'


def _line(kind: str, left: float, right: float, bottom: float, top: float) -> str:
    """Returns a line, per cent from the lower left corner."""
    ends = f'x1="{left:.1f}%" x2="{right:.1f}%" y1="{100 - bottom:.1f}%" y2="{100 - top:.1f}%"'
    return f'<line class="{kind}" {ends}/>'
