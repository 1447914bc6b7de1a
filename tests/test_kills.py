"""Killed at random moments, stages end in the bytes of an undisturbed run."""

import pytest

from benchmarks import kills


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kills")
    kills.write_study(folder)
    return folder


@pytest.mark.parametrize(
    ("stage", "number"), [(kills.STAGES[0], 10), (kills.STAGES[1], 6)], ids=["training", "features"]
)
def test_a_killed_stage_ends_in_the_bytes_of_an_undisturbed_one(study, stage, number):
    survived = kills.survive(stage, study, kills=number, seed=5)
    assert len(survived) == number
    assert len(set(survived)) > 2
