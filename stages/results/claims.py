"""Which conclusions hold here: every claim of report.yaml, the report's and ours, tested over the seeds.

A test says of a measure where it lies according to the claim: `above` or `below` a number or between
two, `of` one variant or of its difference from another (`than`), or at a `figure`, the range in which the
report's curve ends. It *holds* where the whole 95 % interval lies there, *does not hold* where none of it
does, and is otherwise *inconclusive*. A figure of the report comes from one run, so its interval is where
one more run of ours would end: the figure holds unless all of the interval is elsewhere. A claim *holds* if
all its tests do, *in part* if some do, and does not if none does and at least one is refuted; otherwise it is
inconclusive. A test is inconclusive, too, where variants have not run, have too few seeds, or saw other data.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from stages.results import comparable, contrasts, seed_intervals
from stages.results.comparable import Json
from stages.results.evaluated import Evaluated
from stages.results.statistics import BOTH, Interval, SeedSpread

HOLDS, IN_PART, REFUTED, UNKNOWN = "holds", "holds in part", "does not hold", "inconclusive"
ENOUGH_FOR_A_FIGURE = 3  # seeds; two predict another run to ± 16 of their deviations


class Tested(NamedTuple):
    """A test of a claim.

    Attributes:
        test: as in report.yaml.
        seeds: of each variant, in the order of `names`.
        interval: what was measured; None if nothing could be.
        verdict: HOLDS, REFUTED or UNKNOWN.
        reason: why it is inconclusive, "" if the interval reaches both sides.
        lacking: the variants that the reason is about.
    """

    test: Json
    seeds: list[int]
    interval: Interval | None
    verdict: str
    reason: str = ""
    lacking: tuple[str, ...] = ()


class Claim(NamedTuple):
    """A conclusion, and how it fared.

    Attributes:
        section: of the report, or "".
        ladder: whose steps it is about, "" for a conclusion of the report.
        says: in "en" and "es".
        verdict: HOLDS, IN_PART, REFUTED or UNKNOWN.
        tests: what that rests on.
    """

    section: str
    ladder: str
    says: Mapping[str, str]
    verdict: str
    tests: list[Tested]


def tested(study: Json, evaluated: Mapping[str, Evaluated]) -> list[Claim]:
    """Returns the claims of the report in its order, then those about ladders.

    Args:
        study: as resolved for `compare`: its `claims`, and the report.
        evaluated: the variants that have run.
    """
    spreads = contrasts.spreads(evaluated)
    found = []
    for claim in study["claims"]:
        tests = [_tested(test, study["report"], evaluated, spreads) for test in claim["tests"]]
        verdict = joint([test.verdict for test in tests])
        found.append(Claim(claim.get("section", ""), claim.get("ladder", ""), claim["says"], verdict, tests))
    return found


def joint(verdicts: list[str]) -> str:
    """Returns the verdict of a claim from those of its tests."""
    if HOLDS in verdicts:
        return HOLDS if set(verdicts) == {HOLDS} else IN_PART
    return REFUTED if REFUTED in verdicts else UNKNOWN


def names(test: Json) -> list[str]:
    """Returns the variants of a test: the one it is about, and the one it is compared with, if any."""
    return [test[key] for key in ("of", "than") if key in test]


def said(test: Json) -> tuple[str, list[float]]:
    """Returns where a measure lies according to the report: figure, between, above or below, of what."""
    if "figure" in test:
        return "figure", test["figure"]
    bounds = [test[key] for key in ("above", "below") if key in test]
    return ("between" if len(bounds) > 1 else "above" if "above" in test else "below"), bounds


def form(test: Json) -> str:
    """Returns the format of what a test measures: with a sign where it can be below 0."""
    return "+.3f" if "than" in test or test["measure"] in ("gap", "rise") else ".3f"


def verdict(interval: Interval, test: Json) -> str:
    """Returns whether an interval lies where the report says.

    Args:
        interval: with its bounds.
        test: `figure`, or `above`, `below` or both.
    """
    low, high = test.get("figure", (test.get("above", -math.inf), test.get("below", math.inf)))
    if interval.high < low or interval.low > high:
        return REFUTED
    is_inside = low <= interval.low and interval.high <= high
    return HOLDS if is_inside or "figure" in test else UNKNOWN


def _tested(
    test: Json, report: Json, evaluated: Mapping[str, Evaluated], spreads: Mapping[str, SeedSpread | None]
) -> Tested:
    variants = {name: evaluated[name] for name in names(test) if name in evaluated}
    seeds = [variants[name].seeds if name in variants else 0 for name in names(test)]
    reason, lacking = _obstacle(test, variants, report)
    if reason:
        return Tested(test, seeds, None, UNKNOWN, reason, lacking)
    enough = ENOUGH_FOR_A_FIGURE if "figure" in test else 2
    few = tuple(name for name, variant in variants.items() if variant.seeds < enough)
    interval = None
    if test["measure"] == "test_accuracy":
        interval = _test_accuracy([(variant, spreads[name]) for name, variant in variants.items()])
        if interval.counted == BOTH:  # also with one seed, where its family shows how much seeds differ
            few = ()
    if few:
        few = tuple(name for name in few if not variants[name].has_one_optimum) or few
        return Tested(test, seeds, interval, UNKNOWN, f"fewer than {enough} seeds", few)
    interval = interval or _of_seeds(test, list(variants.values()))
    return Tested(test, seeds, interval, verdict(interval, test))


def _obstacle(test: Json, variants: Mapping[str, Evaluated], report: Json) -> tuple[str, tuple[str, ...]]:
    """Returns why nothing can be measured, and the variants that are why; "" if it can."""
    if missing := tuple(name for name in names(test) if name not in variants):
        return "not run", missing
    for name, variant in variants.items():
        reported = report["results"].get(name)
        if reported and comparable.obstacles(variant.record, reported, report):
            return "not the report's data or epochs", (name,)
        if "figure" in test and not comparable.has_reports_images(variant.record):
            return "not the report's images", (name,)
        if test["measure"] not in ("test_accuracy", "spread") and not variant.record.get("at_end"):
            return "the end of training is not recorded", (name,)
    return contrasts.obstacle(*variants.values()) if len(variants) > 1 else "", tuple(variants)


def _test_accuracy(variants: list[tuple[Evaluated, SeedSpread | None]]) -> Interval:
    """Returns the test accuracy of one variant, or how far it is above that of the other, paired by image."""
    (one, spread), *others = variants
    if not others:
        return contrasts.accuracy(one, spread)
    ((other, other_spread),) = others
    return contrasts.between(one, other, spread=spread, other_spread=other_spread)


def _of_seeds(test: Json, variants: list[Evaluated]) -> Interval:
    """Returns what a test measures that is one number per seed."""
    measure = test["measure"]
    if measure == "spread":
        return seed_intervals.of_spread(variants[0].accuracies)
    values = [variant.record["at_end"]["values"][measure] for variant in variants]
    if values[1:]:
        return seed_intervals.of_difference(*values)
    # A gap is as uncertain as its validation accuracy: there are many more training images
    share = "validation_accuracy" if measure == "gap" else measure
    error = variants[0].record["at_end"]["errors"].get(share, 0.0)
    interval = (seed_intervals.of_next if "figure" in test else seed_intervals.of_mean)(*values, error)
    if measure.endswith("_accuracy"):  # of which none is outside 0 to 1
        interval = interval._replace(low=max(interval.low, 0.0), high=min(interval.high, 1.0))
    return interval
