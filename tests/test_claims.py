"""Conclusions: when one holds, when not, and when that is inconclusive."""

from dataclasses import replace

import pytest
from small_results import EVALUATED, METRICS, REPORT, rights

from stages.results import claims
from stages.results.evaluated import Evaluated
from stages.results.statistics import BOTH, Interval

WORDS = {"en": "It is better.", "es": "Es mejor."}
LOSSES = [1.0, 1.1, 1.2, 1.1]


def variant(accuracy=0.5, seeds=4, values=None, **changes):
    """Returns a variant of 100 test images; `values` are those of each seed at the end, of all measures."""
    correct = rights(accuracy, 100, seeds)
    measures = ("training_loss", "validation_loss", "validation_accuracy", "gap", "rise", "oscillation")
    ends = {
        "values": dict.fromkeys(measures, values or LOSSES[:seeds]),
        "errors": {"validation_loss": 0.01, "validation_accuracy": 0.01},
    }
    own = {"seeds": list(range(seeds)), "accuracies": correct.mean(axis=1).tolist(), "at_end": ends}
    return Evaluated(EVALUATED | own | changes, METRICS, correct)


def outcome(test, **variants):
    """Returns what becomes of one test."""
    study = {"claims": [{"section": "2.7", "says": WORDS, "tests": [test]}], "report": REPORT}
    (claim,) = claims.tested(study, variants)
    assert claim.verdict == claim.tests[0].verdict
    return claim.tests[0]


@pytest.mark.parametrize(
    ("low", "high", "where", "verdict"),
    [
        (0.01, 0.03, {"above": 0}, "holds"),
        (-0.01, 0.03, {"above": 0}, "inconclusive"),
        (-0.03, -0.01, {"above": 0}, "does not hold"),
        (-0.03, -0.01, {"below": 0}, "holds"),
        (0.01, 0.03, {"below": 0}, "does not hold"),
        # hardly anything: within a margin
        (-0.01, 0.015, {"above": -0.02, "below": 0.02}, "holds"),
        (-0.01, 0.03, {"above": -0.02, "below": 0.02}, "inconclusive"),
        (0.03, 0.05, {"above": -0.02, "below": 0.02}, "does not hold"),
        # a figure of one run: one more run of ours could be there
        (0.3, 0.5, {"figure": [0.45, 0.47]}, "holds"),
        (0.3, 0.46, {"figure": [0.45, 0.47]}, "holds"),
        (0.3, 0.44, {"figure": [0.45, 0.47]}, "does not hold"),
    ],
)
def test_a_test_holds_where_the_interval_lies_where_the_report_says(low, high, where, verdict):
    assert claims.verdict(Interval((low + high) / 2, low, high, "seeds"), where) == verdict


@pytest.mark.parametrize(
    ("verdicts", "joint"),
    [
        ("holds, holds", "holds"),
        ("holds, does not hold", "holds in part"),
        ("holds, inconclusive", "holds in part"),
        ("does not hold, does not hold", "does not hold"),
        ("does not hold, inconclusive", "does not hold"),
        ("inconclusive, inconclusive", "inconclusive"),
    ],
)
def test_a_claim_holds_where_all_its_tests_do_and_in_part_where_some_do(verdicts, joint):
    assert claims.joint(verdicts.split(", ")) == joint


def test_test_accuracy_is_compared_image_by_image():
    test = {"measure": "test_accuracy", "of": "flip", "than": "normalised", "above": 0}
    found = outcome(test, flip=variant(0.7), normalised=variant(0.5))
    assert (found.verdict, found.seeds) == ("holds", [4, 4])
    assert found.interval.value == pytest.approx(0.2)
    assert found.interval.counted == "images and seeds"
    assert outcome(test, flip=variant(0.5), normalised=variant(0.7)).verdict == "does not hold"


def test_the_end_of_training_is_a_number_per_seed():
    difference = {"measure": "validation_loss", "of": "flip", "than": "normalised", "below": 0}
    found = outcome(difference, flip=variant(), normalised=variant(values=[2.0, 2.1, 2.2, 2.1]))
    assert (found.verdict, found.interval.value) == ("holds", pytest.approx(-1))
    level = outcome({"measure": "gap", "of": "flip", "above": 1.5}, flip=variant())
    assert (level.verdict, level.interval.value) == ("does not hold", pytest.approx(1.1))


def test_a_gap_is_as_uncertain_as_its_validation_accuracy():
    test = {"measure": "gap", "of": "flip", "below": 0.02}
    found = outcome(test, flip=variant(values=[0.01, 0.011, 0.012, 0.011]))
    # 0.011 and 1.96 times the error of 0.01: seeds alone would have said that it holds
    assert (found.verdict, found.interval.counted) == ("inconclusive", "images and seeds")
    assert found.interval.high == pytest.approx(0.031, abs=0.001)


def test_no_accuracy_is_expected_outside_0_to_1():
    test = {"measure": "validation_accuracy", "of": "flip", "figure": [0.99, 1]}
    found = outcome(test, flip=variant(values=[0.97, 1.0, 0.99, 0.98]))
    assert found.interval.low < 0.97 < found.interval.high == 1


def test_a_figure_holds_where_one_more_run_could_give_it():
    # deviation 0.0816, t of 3 degrees of freedom 3.1824, times sqrt(5/4): 0.290, and a little for images
    for figure, verdict in (([1.35, 1.38], "holds"), ([1.42, 1.5], "does not hold")):
        assert (
            outcome({"measure": "validation_loss", "of": "flip", "figure": figure}, flip=variant()).verdict
            == verdict
        )


def test_spread_is_how_far_two_runs_are_apart():
    # accuracies .50 .51 .52 .53: deviation .0129, times 2.7718: .0358, at most .133
    spread = {"measure": "spread", "of": "flip"}
    assert outcome(spread | {"below": 0.02}, flip=variant()).verdict == "does not hold"
    assert outcome(spread | {"below": 0.1}, flip=variant()).verdict == "inconclusive"
    found = outcome(spread | {"below": 0.14}, flip=variant())
    assert (found.verdict, found.interval.value) == ("holds", pytest.approx(0.0358, abs=1e-4))


LEVEL = {"measure": "gap", "of": "flip", "above": 0}
FIGURE = {"measure": "validation_loss", "of": "flip", "figure": [1, 2]}
DIFFERENCE = {"measure": "test_accuracy", "of": "flip", "than": "normalised", "above": 0}
OTHER = {"inputs": {"labels.npy": "other"}}


@pytest.mark.parametrize(
    ("test", "variants", "reason", "lacking"),
    [
        (DIFFERENCE, {"flip": variant()}, "not run", ["normalised"]),
        (DIFFERENCE, {"flip": variant(seeds=1), "normalised": variant(seeds=1)}, "fewer than 2 seeds",
         ["flip", "normalised"]),
        (DIFFERENCE, {"flip": variant(), "normalised": variant(**OTHER)}, "different data",
         ["flip", "normalised"]),
        (DIFFERENCE, {"flip": variant(), "normalised": Evaluated(EVALUATED, METRICS)},
         "which images are right is not recorded", ["flip", "normalised"]),
        (LEVEL, {"flip": variant(seeds=1)}, "fewer than 2 seeds", ["flip"]),
        (LEVEL, {"flip": variant(at_end={})}, "the end of training is not recorded", ["flip"]),
        (FIGURE, {"flip": variant(seeds=2)}, "fewer than 3 seeds", ["flip"]),
        (FIGURE, {"flip": variant(format="cub200", provenance="stand-in")}, "not the report's images",
         ["flip"]),
        (LEVEL | {"of": "final"}, {"final": variant(epochs=3)}, "not the report's data or epochs", ["final"]),
        (LEVEL | {"of": "final"}, {"final": variant(provenance="own")}, "not the report's data or epochs",
         ["final"]),
    ],
)  # fmt: skip
def test_what_cannot_be_told_says_why_and_of_which_variants(test, variants, reason, lacking):
    found = outcome(test, **variants)
    assert (found.verdict, found.reason, list(found.lacking)) == ("inconclusive", reason, lacking)


def test_a_family_tells_of_one_seed_what_a_seed_is_worth():
    found = outcome(DIFFERENCE, flip=variant(0.9, seeds=1), normalised=variant(0.5))
    assert (found.verdict, found.seeds) == ("holds", [1, 4])


def test_fine_tunes_of_different_heads_are_no_family():
    knobs = {"unfreeze": "all"}
    fewer = variant(knobs=knobs, parameters=EVALUATED["parameters"] | {"trainable": 10})
    found = outcome(DIFFERENCE, flip=variant(0.9, seeds=1, knobs=knobs), normalised=fewer)
    assert found.verdict == "holds"  # the same network, of which fewer layers train
    larger = variant(knobs=knobs, parameters={"total": 99})
    found = outcome(DIFFERENCE, flip=variant(0.9, seeds=1, knobs=knobs), normalised=larger)
    assert (found.reason, found.lacking) == ("fewer than 2 seeds", ("flip",))


def test_of_what_ends_in_the_same_optimum_from_any_seed_one_is_enough():
    convex = replace(variant(0.9, seeds=1), has_one_optimum=True)
    found = outcome(DIFFERENCE, flip=convex, normalised=variant(0.5))
    assert (found.verdict, found.interval.counted) == ("holds", BOTH)
    alone = {"measure": "test_accuracy", "of": "flip", "above": 0.7}
    found = outcome(alone, flip=convex)
    assert (found.verdict, found.interval.counted) == ("holds", BOTH)
    assert outcome(alone, flip=variant(0.9, seeds=1)).verdict == "inconclusive"
    found = outcome(DIFFERENCE, flip=convex, normalised=variant(seeds=1, knobs={"network": "other"}))
    assert (found.reason, found.lacking) == ("fewer than 2 seeds", ("normalised",))
