"""The plan of an epoch: a function of seed and epoch, a stream for each purpose, every row once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.runtime.modules import find
from stages.training import plan
from stages.training.plan import Chance

pytestmark = pytest.mark.usefixtures("keras_configured")

FLIP, ZOOM, CROP = ("flip", True), ("zoom", 0.2), ("crop", 2)
ROWS = np.arange(3, 183, 3)  # of the dataset; others validate


def draw(*augmentation, seed=0, epoch=1, rows=ROWS, n_views=None):
    return plan.draw(rows, seed=seed, epoch=epoch, augmentation=augmentation, n_views=n_views)


def by_row(found, values):
    """What was drawn for each row of the dataset, rows ascending."""
    return values[np.argsort(found.rows)]


def test_an_epoch_is_a_function_of_seed_and_epoch():
    def epochs():
        plans = [draw(FLIP, ZOOM, seed=seed, epoch=epoch) for seed in range(3) for epoch in (1, 2, 3)]
        return [(p.rows.tobytes(), p.draws["flip"].tobytes(), p.draws["zoom"].tobytes()) for p in plans]

    first = epochs()
    assert epochs() == first
    for values in zip(*first, strict=True):
        assert len(set(values)) == 9


def test_every_row_comes_once_in_a_random_order():
    found = draw(FLIP)
    assert sorted(found.rows) == ROWS.tolist()
    assert found.rows.tolist() != ROWS.tolist()
    assert found.draws["flip"].shape == (60, 1)
    assert found.views is None


def test_a_draw_belongs_to_its_image_whatever_the_order():
    found = draw(FLIP, ZOOM, n_views=5)
    for name, amount in (FLIP, ZOOM):
        drawn = find("augmentation", name).draw(Chance(0, 1, name), 60, amount)
        assert np.array_equal(by_row(found, found.draws[name]), drawn)
    assert np.array_equal(by_row(found, found.views), Chance(0, 1, "view").of_epoch.integers(5, size=60))


def test_the_chance_of_a_run_is_the_same_in_each_epoch_and_that_of_an_epoch_is_not():
    def numbers(stream, epochs=(1, 2, 7), seed=0, purpose="flip"):
        return {getattr(Chance(seed, epoch, purpose), stream).random() for epoch in epochs}

    assert len(numbers("of_epoch")) == 3
    of_runs = [numbers("of_run"), numbers("of_run", seed=1), numbers("of_run", purpose="zoom")]
    assert [len(found) for found in of_runs] == [1, 1, 1]
    assert len(numbers("of_epoch").union(*of_runs)) == 6


def test_each_purpose_has_a_stream_of_its_own():
    plain, flip, both, all_three = draw(), draw(FLIP), draw(FLIP, ZOOM), draw(CROP, ZOOM, FLIP, n_views=3)
    for other in (flip, both, all_three):
        assert np.array_equal(other.rows, plain.rows)
    assert np.array_equal(both.draws["flip"], flip.draws["flip"])  # the same images are mirrored
    assert np.array_equal(all_three.draws["flip"], flip.draws["flip"])
    assert np.array_equal(all_three.draws["zoom"], both.draws["zoom"])
    purposes = ("order", "flip", "zoom", "view")
    assert len({Chance(0, 1, purpose).of_epoch.random() for purpose in purposes}) == 4


def chunks_of(found, batch_size, first_step=0):
    """Chunks of inputs that show their own row number."""
    inputs = np.repeat(np.arange(200, dtype=np.uint8), 12).reshape(200, 2, 2, 3)
    labels = np.arange(200) * 10
    return list(plan.chunks(found, inputs, labels, batch_size, first_step=first_step))


@settings(deadline=None)
@given(n=st.integers(1, 60), batch_size=st.integers(1, 20), seed=st.integers(0, 99), done=st.integers(0, 9))
def test_chunks_cover_each_row_once_with_its_label_and_draws_and_resume_anywhere(n, batch_size, seed, done):
    found = draw(FLIP, ZOOM, seed=seed, rows=ROWS[:n])
    chunks = chunks_of(found, batch_size)
    rows = np.concatenate([chunk.inputs[..., 0, 0, 0].ravel() for chunk in chunks])
    assert np.array_equal(rows, found.rows)
    assert np.array_equal(np.concatenate([chunk.labels.ravel() for chunk in chunks]), found.rows * 10)
    for name, draws in found.draws.items():
        seen = [chunk.draws[name].reshape(-1, draws.shape[1]) for chunk in chunks]
        assert np.array_equal(np.concatenate(seen), draws)
    whole, rest = divmod(n, batch_size)
    sizes = [size for chunk in chunks for size in [chunk.labels.shape[1]] * len(chunk.labels)]
    assert sizes == [batch_size] * whole + [rest] * (rest > 0)
    assert {(chunk.inputs.dtype.name, chunk.labels.dtype.name) for chunk in chunks} == {("uint8", "int32")}
    assert max(len(chunk.inputs) for chunk in chunks) <= plan.MAX_STEPS
    steps = sum(len(chunk.inputs) for chunk in chunks[:done])
    rest = chunks_of(found, batch_size, first_step=steps)
    assert [chunk.inputs.tobytes() for chunk in rest] == [chunk.inputs.tobytes() for chunk in chunks[done:]]


def test_chunks_of_features_hold_the_view_that_was_drawn_for_each_row():
    features = np.arange(6 * 2 * 3, dtype=np.float32).reshape(6, 2, 3)  # row r, view v starts at 6r + 3v
    found = plan.Plan(np.array([4, 1, 5]), {}, np.array([1, 0, 1]))
    (whole, rest) = plan.chunks(found, features, np.arange(6), 2)
    assert whole.inputs.tolist() == [[[27, 28, 29], [6, 7, 8]]]
    assert rest.inputs.tolist() == [[[33, 34, 35]]]
    assert (whole.labels.tolist(), rest.labels.tolist()) == ([[4, 1]], [[5]])


@pytest.mark.parametrize(("size", "batch_size", "steps"), [(32, 32, 16), (224, 32, 13), (448, 256, 1)])
def test_a_chunk_holds_as_many_steps_as_its_bytes_allow_and_at_least_one(size, batch_size, steps):
    inputs = np.broadcast_to(np.zeros((1, 1, 1, 1), np.uint8), (20 * batch_size, size, size, 3))
    found = draw(rows=np.arange(len(inputs)))
    chunk = next(plan.chunks(found, inputs, np.zeros(len(inputs), np.int64), batch_size))
    assert len(chunk.inputs) == steps
    assert steps == 1 or chunk.inputs.nbytes <= plan.MAX_BYTES
