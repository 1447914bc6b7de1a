"""The batches of an epoch: every training row once, a function of (seed, epoch) and of nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.training.batches import ordered_batches, training_batches
from stages.training.examples import Examples


def examples(n, seed=0):
    """Pictures that show their own row number, in random sets."""
    rng = np.random.default_rng(seed)
    return Examples(
        inputs=np.repeat(np.arange(n), 12).reshape(n, 2, 2, 3),
        labels=np.arange(n) * 10,
        split=rng.integers(0, 3, n).astype(np.uint8),
        class_names=[],
        manifest={},
    )


def variant(**changes):
    return {"seed": 0, "batch_size": 4, "flip": False, "zoom": 0.0} | changes


def rows(batches):
    return [int(row) for inputs, _ in batches for row in inputs[:, 0, 0, 0]]


@settings(deadline=None)
@given(
    n=st.integers(0, 60),
    batch_size=st.integers(1, 20),
    seed=st.integers(0, 1000),
    epoch=st.integers(1, 100),
    augmentation=st.sampled_from([{}, {"flip": True}, {"zoom": 0.5}, {"flip": True, "zoom": 0.2}]),
)
def test_each_training_row_comes_exactly_once(n, batch_size, seed, epoch, augmentation):
    data = examples(n, seed)
    knobs = variant(batch_size=batch_size, seed=seed, **augmentation)
    batches = list(training_batches(data, knobs, epoch))
    train = np.flatnonzero(data.split == 0)
    # pictures of one colour stay so under flip and zoom
    assert sorted(round(float(inputs[0, 0, 0])) for batch, _ in batches for inputs in batch) == train.tolist()
    for inputs, labels in batches:
        assert inputs.dtype == np.float32
        assert np.allclose(inputs[:, 0, 0, 0] * 10, labels, atol=1e-2)
    sizes = [len(labels) for _, labels in batches]
    whole, rest = divmod(len(train), batch_size)
    assert sizes == [batch_size] * whole + [rest] * (rest > 0)


def test_an_epoch_is_a_function_of_seed_and_epoch():
    data = examples(60)
    knobs = variant(flip=True, zoom=0.3)

    def epoch(seed, number):
        return [inputs.tobytes() for inputs, _ in training_batches(data, knobs | {"seed": seed}, number)]

    seen = [epoch(seed, number) for seed in range(3) for number in range(1, 4)]
    assert seen == [epoch(seed, number) for seed in range(3) for number in range(1, 4)]
    assert len({tuple(batches) for batches in seen}) == 9


def test_the_order_differs_between_seeds_and_between_epochs():
    data = examples(60)
    orders = [
        rows(training_batches(data, variant(seed=seed), epoch)) for seed in range(3) for epoch in (1, 2, 3)
    ]
    assert len({tuple(order) for order in orders}) == 9
    assert all(order != sorted(order) for order in orders)


def test_augmentation_leaves_the_order_alone():
    data = examples(60)
    plain = rows(training_batches(data, variant(), 1))
    flipped = rows(training_batches(data, variant(flip=True), 1))
    assert flipped == plain


def test_a_variant_without_augmentation_knobs_has_inputs_as_they_are():
    data = examples(30)
    heads = {"seed": 0, "batch_size": 4}
    for inputs, _ in training_batches(data, heads, 1):
        assert np.array_equal(inputs, data.inputs[inputs[:, 0, 0, 0].astype(int)])


def test_flips_and_zooms_reach_the_inputs(tiny_examples):
    def inputs(**knobs):
        batches = training_batches(tiny_examples, variant(batch_size=99, **knobs), 1)
        return next(iter(batches))[0]

    plain, flipped, zoomed = inputs(), inputs(flip=True), inputs(zoom=0.2)
    is_same = (flipped == plain).all(axis=(1, 2, 3))
    is_mirror = (flipped == plain[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (is_same ^ is_mirror).all()
    assert is_same.any()
    assert is_mirror.any()
    assert not (zoomed == plain).all(axis=(1, 2, 3)).any()


@pytest.mark.parametrize("name", ["validation", "test", "train"])
def test_a_set_comes_in_stored_order_as_it_is(name):
    data = examples(50)
    number = ("train", "validation", "test").index(name)
    batches = list(ordered_batches(data, name, 4))
    expected = np.flatnonzero(data.split == number)
    assert rows(batches) == expected.tolist()
    assert np.concatenate([labels for _, labels in batches]).tolist() == (expected * 10).tolist()
    assert {inputs.dtype for inputs, _ in batches} == {np.dtype(np.float32)}
    assert [len(labels) for _, labels in batches][:-1] == [4] * (len(batches) - 1)


def test_the_arrays_on_disk_are_not_written_to(prepared, tiny_examples):
    before = (prepared / "images.npy").read_bytes()
    assert not tiny_examples.inputs.flags.writeable
    for inputs, _ in training_batches(tiny_examples, variant(flip=True, zoom=0.5), 1):
        inputs[:] = 0
    for inputs, _ in ordered_batches(tiny_examples, "test", 4):
        inputs[:] = 0
    assert (prepared / "images.npy").read_bytes() == before
