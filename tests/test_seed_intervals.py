"""Intervals of one number per seed: worked examples, and how often they cover the truth."""

import numpy as np
import pytest

from stages.results import seed_intervals

DRAWS = 4000


def test_a_mean_has_students_interval():
    # mean 2, deviation 1, t of 2 degrees of freedom 4.3027: 4.3027 / sqrt 3
    found = seed_intervals.of_mean([1, 2, 3], 0.0)
    assert (found.value, found.high - found.value, found.counted) == (
        2,
        pytest.approx(2.4842, abs=1e-4),
        "seeds",
    )
    other = seed_intervals.of_mean([1, 2, 3], 100.0)  # seeds hardly count then: 1.96 times the error
    assert (other.high - 2, other.counted) == (pytest.approx(196, abs=0.1), "images and seeds")


def test_a_difference_has_welchs_interval():
    # variances 1/3 and 4/3, degrees of freedom (5/3)^2 / ((1/3)^2 / 2 + (4/3)^2 / 2) = 50/17; t is 3.2188
    found = seed_intervals.of_difference([1, 2, 3], [2, 4, 6])
    assert found.value == -2
    assert found.high - found.value == pytest.approx(3.2188 * (5 / 3) ** 0.5, abs=1e-3)


def test_one_more_run_is_less_certain_than_the_mean_and_less_so_on_other_images():
    # t times sqrt(1 + 1/3)
    same = seed_intervals.of_next([1, 2, 3], 0.0)
    assert (same.high - 2, same.counted) == (pytest.approx(4.3027 * (4 / 3) ** 0.5, abs=1e-3), "seeds")
    other = seed_intervals.of_next([1, 2, 3], 100.0)
    # seeds hardly count then: 1.96 sqrt 2 times the error
    assert other.high - 2 == pytest.approx(277.2, abs=0.1)
    assert other.counted == "images and seeds"


def test_the_distance_of_two_runs_is_the_repeatability_limit():
    # 2.7718 deviations; chi squared of 2 degrees of freedom has the quantiles 0.050636 and 7.377759
    found = seed_intervals.of_spread([1, 2, 3])
    assert found.value == pytest.approx(2.7718, abs=1e-4)
    assert found.low == pytest.approx(2.7718 * (2 / 7.377759) ** 0.5, abs=1e-4)
    assert found.high == pytest.approx(2.7718 * (2 / 0.050636) ** 0.5, abs=1e-3)


def test_equal_seeds_have_no_spread():
    assert seed_intervals.of_mean([0.5, 0.5], 0.0)[:3] == (0.5, 0.5, 0.5)
    assert seed_intervals.of_spread([0.5, 0.5])[:3] == (0, 0, 0)


@pytest.mark.parametrize("seeds", [3, 10])
def test_intervals_cover_the_truth_in_95_of_100_cases(seeds):
    random = np.random.default_rng(0)
    one, other, following = (random.normal(size=(DRAWS, n)) for n in (seeds, 5, 1))
    covered = {"mean": 0, "difference": 0, "next": 0, "spread": 0}
    for here, there, (run,) in zip(one, 3 * other, following, strict=True):
        for name, found, truth in (
            ("mean", seed_intervals.of_mean(here, 0.0), 0),
            ("difference", seed_intervals.of_difference(here, there), 0),
            ("next", seed_intervals.of_next(here, 0.0), run),
            ("spread", seed_intervals.of_spread(here), 2.7718),
        ):
            covered[name] += found.low <= truth <= found.high
    assert all(0.935 < count / DRAWS < 0.965 for count in covered.values()), covered
