"""How the learning rate falls, by hand."""

import numpy as np
import pytest

from stages.runtime.modules import find, offered

PROGRESS = np.array([0, 1 / 3, 0.5, 1])
DECAYS = {
    "constant": [1, 1, 1, 1],
    "linear": [1, 2 / 3, 1 / 2, 0],
    "cosine": [1, 3 / 4, 1 / 2, 0],  # (1 + cos 60°) / 2 = 3/4
}


@pytest.mark.parametrize("name", DECAYS)
def test_a_schedule_falls_as_its_name_says(name):
    decays = find("schedules", name).decay(PROGRESS)
    assert decays.dtype == np.float64
    assert np.allclose(decays, DECAYS[name], atol=1e-15)


@pytest.mark.parametrize("name", offered("schedules", "decay"))
def test_each_schedule_starts_at_the_whole_rate_and_stays_within_0_and_1(name):
    decays = find("schedules", name).decay(np.linspace(0, 1, 1001))
    assert decays[0] == 1
    assert 0 <= decays.min() <= decays.max() <= 1
    assert (np.diff(decays) <= 0).all()
