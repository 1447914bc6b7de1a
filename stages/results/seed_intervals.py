"""95 % intervals of values with one number per seed, such as the loss at the end of training.

All count seeds; `of_mean` and `of_next` also count the choice of images.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import chdtri

from stages.results.proportions import NORMAL
from stages.results.statistics import BOTH, KNOWN, SEEDS, Interval, Term, around


def of_mean(values: Sequence[float], error: float) -> Interval:
    """Returns the mean over seeds with Student's interval.

    Args:
        values: of at least two seeds.
        error: standard error from the choice of the images, which all seeds share.
    """
    terms = [_of_mean(values), Term(error**2, KNOWN)]
    return around(float(np.mean(values)), terms, BOTH if error else SEEDS)


def of_difference(values: Sequence[float], others: Sequence[float]) -> Interval:
    """Returns how far one mean is above another, with Welch's interval; each of at least two seeds."""
    value = float(np.mean(values) - np.mean(others))
    return around(value, [_of_mean(values), _of_mean(others)], SEEDS)


def of_next(values: Sequence[float], error: float) -> Interval:
    """Returns the mean over seeds with a prediction interval: where one more run would be, on other images.

    Args:
        values: of at least two seeds.
        error: standard error of one run from the choice of its images; it counts for our runs and the next.
    """
    seeds = Term(float(np.var(values, ddof=1)) * (1 + 1 / len(values)), len(values) - 1)
    return around(float(np.mean(values)), [seeds, Term(2 * error**2, KNOWN)], BOTH if error else SEEDS)


def of_spread(values: Sequence[float]) -> Interval:
    """Returns how far apart two runs are at most in 95 of 100 cases, sqrt(2) · 1.96 · deviation.

    This is the repeatability limit of ISO 5725, with the interval that chi squared gives a deviation.
    """
    df = len(values) - 1
    limit = NORMAL * float(np.sqrt(2) * np.std(values, ddof=1))
    low, high = (limit * float(np.sqrt(df / chdtri(df, tail))) for tail in (0.025, 0.975))
    return Interval(limit, low, high, SEEDS)


def _of_mean(values: Sequence[float]) -> Term:
    return Term(float(np.var(values, ddof=1)) / len(values), len(values) - 1)
