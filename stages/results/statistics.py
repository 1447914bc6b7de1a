"""How certain an accuracy is, and the difference of two: every interval of the study, all at 95 %.

Whether a trained network is right on a test image depends on the image, on the seed of its training, and on
both together: correct[s, i] = accuracy + effect of seed s + effect of image i + rest, a crossed layout. An
interval says what the recipe gives for other seeds and other images of the kind, so it counts both draws;
`counted` says where it could not, with one seed. Variances come from mean squares (Searle, Casella and
McCulloch 1992, Variance Components, chapter 4), degrees of freedom from Satterthwaite 1946. Two seeds say
little: where seeds matter most, their interval covers 87 % instead of 95; so the spread of a few seeds is
best pooled over variants of one family.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from stages.results.proportions import NORMAL, difference_interval, mcnemar, paired_interval, wilson_interval

IMAGES, SEEDS, BOTH = "images", "seeds", "images and seeds"
PARTLY = "images and seeds of one side"
KNOWN = np.inf  # degrees of freedom of a variance that follows from a share


class Interval(NamedTuple):
    """A value with its 95 % interval.

    Attributes:
        value: an accuracy, or the difference of two.
        low: lower bound.
        high: upper bound.
        counted: which chance the interval counts: IMAGES, SEEDS, BOTH or PARTLY.
        p: of the exact McNemar test, where there was one.
    """

    value: float
    low: float
    high: float
    counted: str
    p: float | None = None


class SeedSpread(NamedTuple):
    """How far apart the accuracies of one recipe are on the same test images.

    Attributes:
        variance: of the accuracy, from seed to seed.
        by_images: the part of it that comes with the choice of images: the rest's.
        df: degrees of freedom of `variance`; those of `by_images` are thousands.
    """

    variance: float
    by_images: float
    df: float


class Term(NamedTuple):
    """A summand of a variance, and the degrees of freedom it was estimated with."""

    variance: float
    df: float


def seed_spread(groups: Iterable[np.ndarray]) -> SeedSpread | None:
    """Returns the spread between seeds, pooled over variants by their degrees of freedom.

    Args:
        groups: for each variant, which test images each seed gets right, bool[s, n].

    Returns:
        None if no variant has a second seed.
    """
    variance = by_images = df = 0.0
    for correct in groups:
        s, n = correct.shape
        if s > 1 and n > 1:
            seeds, images = correct.mean(axis=1), correct.mean(axis=0)
            rest = correct - seeds[:, np.newaxis] - images + correct.mean()
            variance += (s - 1) * seeds.var(ddof=1)
            by_images += (rest**2).sum() / (n - 1) / n
            df += s - 1
    return SeedSpread(float(variance / df), float(by_images / df), df) if df else None


def accuracy_interval(correct: np.ndarray, spread: SeedSpread | None = None) -> Interval:
    """Returns a recipe's accuracy, the mean over its seeds, with the interval for other seeds and images.

    Wilson's interval with as many trials as would have this variance, and a t quantile (the idea is that of
    Dean and Pagano 2015 for clustered surveys). With one seed and no spread it is Wilson's of the images.

    Args:
        correct: bool[s, n], which of n test images each of s seeds gets right.
        spread: between seeds; None takes that of `correct`.
    """
    s, n = correct.shape
    share = float(correct.mean())
    spread = spread or seed_spread([correct])
    images = Term(share * (1 - share) / n, KNOWN) if s == 1 else _of_images(correct.mean(axis=0))
    variance, df = _total([images, *_of_seeds(spread, 1 / s)])
    # not more trials than if every seed had its own images; where all or none are right, n is cautious
    trials = min(share * (1 - share) / variance, n * s) if variance > 0 and 0 < share < 1 else n
    low, high = wilson_interval(share, trials, quantile=_quantile(df))
    return Interval(share, float(low), float(high), BOTH if spread else IMAGES)


def paired_difference(
    one: np.ndarray,
    other: np.ndarray,
    spread: SeedSpread | None = None,
    other_spread: SeedSpread | None = None,
) -> Interval:
    """Returns how far the accuracy of one recipe is above another's on the same test images, paired.

    For each image, the share of seeds that are right there is subtracted from that here. The variance of
    these differences counts the images, that between the seeds of each side the seeds, which are independent
    draws. With one seed each and no spread it is Newcombe's paired interval, and the exact McNemar test.

    Args:
        one: bool[s, n].
        other: bool[t, n], the same images.
        spread: between seeds of `one`; None takes its own, which a single seed does not have.
        other_spread: of `other`.
    """
    spreads = spread or seed_spread([one]), other_spread or seed_spread([other])
    if not any(spreads) and len(one) == len(other) == 1:
        bounds = paired_interval(one[0], other[0])
        return Interval(float(one.mean() - other.mean()), *bounds, IMAGES, mcnemar(one[0], other[0]))
    n = one.shape[1]
    images = _of_images(one.mean(axis=0) - other.mean(axis=0))
    # as if both disagreed on one image each way (Bonett and Price 2012): equal predictions prove nothing
    images = max(images, Term(2 / (n + 2) ** 2, images.df))
    seeds = [*_of_seeds(spreads[0], 1 / len(one)), *_of_seeds(spreads[1], 1 / len(other))]
    counted = BOTH if all(spreads) else PARTLY
    return around(float(one.mean() - other.mean()), [images, *seeds], counted)


def report_difference(
    correct: np.ndarray,
    reported: float,
    n_reported: int,
    *,
    same_images: bool,
    spread: SeedSpread | None = None,
) -> Interval:
    """Returns how far our accuracy is above a reported one, from one run whose predictions are not available.

    It asks whether the reported figure is what one more run of ours could give: a prediction interval, mean
    over seeds and spread of one more seed, t · sd · sqrt(1 + 1/s). On the same test images their effect is
    shared by both sides and cancels; how seeds and images act together is part of the spread. On other images
    of the kind each side's draw of images counts, too. With one seed and no spread it is Newcombe's interval
    of two independent shares, which counts images and no seed.

    Args:
        correct: bool[s, n].
        reported: accuracy in [0, 1].
        n_reported: the report's test images.
        same_images: whether they are ours.
        spread: between seeds; None takes that of `correct`.
    """
    s, n = correct.shape
    share = float(correct.mean())
    spread = spread or seed_spread([correct])
    if spread is None:
        bounds = difference_interval(share, n, reported, n_reported)
        return Interval(share - reported, *bounds, IMAGES)
    if same_images:
        return around(share - reported, [Term(spread.variance * (1 + 1 / s), spread.df)], SEEDS)
    images = [_of_images(correct.mean(axis=0)), Term(reported * (1 - reported) / n_reported, KNOWN)]
    return around(share - reported, [*images, *_of_seeds(spread, 1 + 1 / s)], BOTH)


def _of_images(per_image: np.ndarray) -> Term:
    """Returns what the draw of images adds to the variance of a mean over them."""
    n = len(per_image)
    return Term(float(per_image.var(ddof=1)) / n, n - 1) if n > 1 else Term(0.0, KNOWN)


def _of_seeds(spread: SeedSpread | None, factor: float) -> list[Term]:
    """Returns what the draw of seeds adds; nothing if seeds differ no more than images explain."""
    if spread is None or spread.variance <= spread.by_images:
        return []
    return [Term(factor * spread.variance, spread.df), Term(-factor * spread.by_images, KNOWN)]


def _total(terms: list[Term]) -> tuple[float, float]:
    """Returns the sum of variances and its degrees of freedom by Satterthwaite."""
    variance = sum(term.variance for term in terms)
    uncertain = sum(term.variance**2 / term.df for term in terms)
    return variance, variance**2 / uncertain if uncertain else KNOWN


def around(value: float, terms: list[Term], counted: str) -> Interval:
    """Returns a value with the interval that the sum of some variances gives it."""
    variance, df = _total(terms)
    half = _quantile(df) * float(np.sqrt(variance))
    return Interval(value, value - half, value + half, counted)


def _quantile(df: float) -> float:
    return NORMAL if df == KNOWN else float(stdtrit(df, 0.975))
