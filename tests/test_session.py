"""A network made ready for its steps, and what it shares with the one that is saved."""

import numpy as np
import pytest

from benchmarks import studies
from stages.training import checkpoints
from stages.training.session import prepare

pytestmark = pytest.mark.usefixtures("keras_configured")


def test_averages_are_in_the_network_within_their_block_alone(data, tmp_path):
    session = prepare(studies.training_run(data, tmp_path, **studies.PLAIN, ema=0.5))
    before = checkpoints.state(session.model.weights)
    for moving, _ in session.average:
        moving.assign(moving + 1)
    with session.averaged():
        for old, now in zip(before, checkpoints.state(session.model.weights), strict=True):
            assert np.array_equal(now, old + 1)
    assert all(map(np.array_equal, before, checkpoints.state(session.model.weights)))


@pytest.mark.parametrize(("n", "steps"), [(40, 3), (33, 2), (35, 3)])
def test_the_last_and_smaller_batch_is_a_step_too(tmp_path, n, steps):
    data = studies.dataset(n)  # of which 24, 20 and 21 train
    run = studies.training_run(data, tmp_path, **studies.PLAIN)
    assert prepare(run).steps_per_epoch == steps
