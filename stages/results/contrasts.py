"""How far apart two evaluated variants are, or a variant and the report, and how certain that is."""

import json
from collections.abc import Mapping

import numpy as np

from stages.results.comparable import OF_DATA, OF_SPLIT, Json, has_reports_images, is_same_data
from stages.results.evaluated import Evaluated
from stages.results.proportions import difference_interval
from stages.results.statistics import (
    BOTH,
    IMAGES,
    KNOWN,
    Interval,
    SeedSpread,
    accuracy_interval,
    paired_difference,
    report_difference,
    seed_spread,
)

ENOUGH = 5  # seeds of one variant, from which on its own spread is a better estimate than its family's


def obstacle(one: Evaluated, other: Evaluated) -> str:
    """Returns why two variants cannot be compared, "" if they can."""
    if not is_same_data(one.record, other.record):
        return "different data"
    if one.correct is None or other.correct is None:
        return "which images are right is not recorded"
    return ""


def between(
    one: Evaluated,
    other: Evaluated,
    *,
    spread: SeedSpread | None = None,
    other_spread: SeedSpread | None = None,
) -> Interval | None:
    """Returns how far the test accuracy of `one` is above that of `other`, paired by image.

    Args:
        one: a variant.
        other: likewise.
        spread: between seeds of `one`, as `spreads` returns it.
        other_spread: likewise.

    Returns:
        None if there is an `obstacle`.
    """
    if obstacle(one, other):
        return None
    return paired_difference(one.correct, other.correct, spread, other_spread)


def spreads(variants: Mapping[str, Evaluated]) -> dict[str, SeedSpread | None]:
    """Returns how far the seeds of each variant lie apart; None if that is unknown.

    A variant with few seeds takes the spread of its family: the variants of the same data, network and
    trainer. Seeds do not differ where the training has a single optimum and finds it.
    """
    families: dict[str, list[np.ndarray]] = {}
    for variant in variants.values():
        if variant.correct is not None:
            families.setdefault(_family(variant.record), []).append(variant.correct)
    found = {}
    for name, variant in variants.items():
        if variant.has_one_optimum:
            found[name] = SeedSpread(0.0, 0.0, KNOWN)
            continue
        has_enough = variant.correct is not None and len(variant.correct) >= ENOUGH
        family = families.get(_family(variant.record), [])
        found[name] = seed_spread([variant.correct] if has_enough else family)
    return found


def accuracy(variant: Evaluated, spread: SeedSpread | None) -> Interval:
    """Returns the test accuracy of a variant, the mean over its seeds.

    Its interval is that of its metrics, unless its family says more about how much seeds differ.
    """
    if variant.correct is not None and spread is not None and spread.df > variant.seeds - 1:
        return accuracy_interval(variant.correct, spread)
    test = variant.metrics["test"]
    return Interval(test["accuracy"], test["low"], test["high"], BOTH if variant.seeds > 1 else IMAGES)


def to_report(variant: Evaluated, reported: float, n_reported: int, spread: SeedSpread | None) -> Interval:
    """Returns how far a variant's test accuracy is above what the report says of it.

    Args:
        variant: one that may be compared with the report.
        reported: accuracy in [0, 1].
        n_reported: test images of the report.
        spread: between seeds, as `spreads` returns it.
    """
    if variant.correct is None:
        share, n = variant.metrics["test"]["accuracy"], variant.record["splits"]["test"]
        return Interval(share - reported, *difference_interval(share, n, reported, n_reported), IMAGES)
    same_images = has_reports_images(variant.record)
    return report_difference(variant.correct, reported, n_reported, same_images=same_images, spread=spread)


def _family(record: Json) -> str:
    """Returns what variants must share for their seeds to be expected to differ equally."""
    knobs = record.get("knobs", {})
    trainer = knobs.get("trainer")
    # A fine-tune's network is that of the head from which it starts, which its size tells
    network = sorted(knobs["network"]) if "network" in knobs else record["parameters"]["total"]
    data = [record[key] for key in OF_DATA] + [record["inputs"].get(name) for name in OF_SPLIT]
    return json.dumps([data, network, trainer, "unfreeze" in knobs], sort_keys=True)
