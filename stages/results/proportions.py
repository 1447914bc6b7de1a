"""Intervals of shares of independent trials, and of two shares of the same ones; all at 95 %."""

from typing import Any

import numpy as np
from scipy.special import bdtr, ndtri

NORMAL = float(ndtri(0.975))


def wilson_interval(
    share: float | np.ndarray, n: float | np.ndarray, *, quantile: float = NORMAL
) -> tuple[Any, Any]:
    """Returns the 95 % interval of a share seen in n independent trials (Wilson 1927).

    Args:
        share: float or float[m] in [0, 1].
        n: positive, or positive [m].
        quantile: of another distribution, instead of the normal one.

    Returns:
        Lower and upper bound in [0, 1], each shaped as the arguments.
    """
    z = quantile
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def difference_interval(share: float, n: int, other: float, n_other: int) -> tuple[float, float]:
    """Returns the 95 % interval of `share - other`, two shares seen in independent trials.

    The square-and-add method on two Wilson intervals, method 10 of Newcombe 1998, Interval estimation for the
    difference between independent proportions, Statistics in Medicine 17, 873-890.

    Args:
        share: in [0, 1], of `n` trials.
        n: positive.
        other: in [0, 1], of `n_other` trials.
        n_other: positive.
    """
    return _square_and_add(share, wilson_interval(share, n), other, wilson_interval(other, n_other), 0.0)


def paired_interval(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Returns the 95 % interval of the difference of two shares seen on the same n trials.

    Method 10 of Newcombe 1998, Improved confidence intervals for the difference between binomial proportions
    based on paired data, Statistics in Medicine 17, 2635-2650.

    Args:
        one: bool[n].
        other: bool[n].
    """
    n = len(one)
    a, b, c, d = (int((x & y).sum()) for x in (one, ~one) for y in (other, ~other))
    covariance = a * d - b * c
    if covariance > 0:
        covariance = max(covariance - n / 2, 0)
    product = (a + b) * (c + d) * (a + c) * (b + d)
    correlation = covariance / np.sqrt(product) if product else 0.0
    shares = (a + b) / n, (a + c) / n
    bounds, others = (wilson_interval(share, n) for share in shares)
    return _square_and_add(shares[0], bounds, shares[1], others, correlation)


def mcnemar(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the two-sided p of the exact McNemar test of whether both are right equally often.

    Args:
        one: bool[n].
        other: bool[n], of the same images.
    """
    fewer, more = sorted([int((one & ~other).sum()), int((other & ~one).sum())])
    return min(1.0, 2 * float(bdtr(fewer, fewer + more, 0.5)))


def _square_and_add(
    share: float, bounds: tuple[float, float], other: float, others: tuple[float, float], correlation: float
) -> tuple[float, float]:
    down, up = share - bounds[0], bounds[1] - share
    other_down, other_up = other - others[0], others[1] - other
    below = np.sqrt(down**2 - 2 * correlation * down * other_up + other_up**2)
    above = np.sqrt(up**2 - 2 * correlation * up * other_down + other_down**2)
    return float(share - other - below), float(share - other + above)
