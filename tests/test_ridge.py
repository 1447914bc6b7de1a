"""Ridge regression in closed form: the minimum itself, what validation chooses, the scale of its scores."""

import functools

import numpy as np
import pytest

from stages.runtime.errors import InputError
from stages.trainers import ridge
from tests import linear_heads
from tests.linear_heads import dataset, measured, of_split, softmax, solution

pytestmark = pytest.mark.usefixtures("keras_configured")

COLUMNS = ["penalty", "loss", "accuracy", "val_loss", "val_accuracy", "scale"]


@pytest.fixture
def make(tmp_path):
    """A function that makes a run."""
    return functools.partial(linear_heads.run, tmp_path)


@pytest.mark.parametrize("c", [4, 200])  # fewer features than examples, and more
@pytest.mark.parametrize("views", [1, 2])
def test_the_fit_is_the_minimum(make, c, views):
    data = dataset(c=c, views=views)
    run = make(data, penalties=[0.01])
    (record,) = ridge.fit(run).history
    kernel, bias = (values / record["scale"] for values in solution(run))
    x, labels = of_split(data, "train")
    x = x.reshape(-1, c)
    errors = (x @ kernel + bias - np.eye(3)[np.repeat(labels, views)]) / len(x)
    assert np.abs(x.T @ errors + 0.01 * kernel).max() < 1e-6
    assert np.abs(errors.sum(axis=0)).max() < 1e-6


def test_with_a_huge_penalty_the_scores_are_the_shares_of_the_classes(make):
    data = dataset()
    data.labels[::3] = 0  # more of one class
    run = make(data, penalties=[1e6])
    (record,) = ridge.fit(run).history
    kernel, bias = (values / record["scale"] for values in solution(run))
    assert np.abs(kernel).max() < 1e-5
    assert np.allclose(bias, np.bincount(data.labels[data.rows("train")]) / 36, atol=1e-5)


def test_the_history_has_what_the_network_of_each_penalty_gives(make):
    data = dataset(views=2)
    fitted = ridge.fit(make(data, penalties=[0.01, 1.0, 0.1]))
    assert [list(record) for record in fitted.history] == [COLUMNS] * 3
    assert [record["penalty"] for record in fitted.history] == [1.0, 0.1, 0.01]
    for record in fitted.history:
        run = make(data, penalties=[record["penalty"]])
        ridge.fit(run)
        for split, prefix in (("train", ""), ("validation", "val_")):
            loss, accuracy = measured(run, data, split)
            assert record[f"{prefix}loss"] == pytest.approx(loss, abs=1e-5)
            assert record[f"{prefix}accuracy"] == pytest.approx(accuracy)


def test_the_scale_is_that_of_the_lowest_validation_loss(make):
    data = dataset()
    run = make(data, penalties=[0.01])
    (record,) = ridge.fit(run).history
    kernel, bias = solution(run)
    x, labels = of_split(data, "validation")

    def loss(factor):
        found = softmax(factor * (x[:, 0] @ kernel + bias))
        return -np.log(found[np.arange(len(labels)), labels]).mean()

    assert record["scale"] > 1
    assert loss(1) == pytest.approx(record["val_loss"], abs=1e-5)
    assert loss(1) < min(loss(0.9), loss(1.1))


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy"])
def test_validation_chooses_the_penalty_and_the_network_gets_its_weights(make, monitor):
    data = dataset(seed=5)
    run = make(data, penalties=[1e-6, 0.03, 3.0], monitor=monitor)
    fitted = ridge.fit(run)
    values = [record[monitor] for record in fitted.history]
    best = values.index(min(values) if monitor == "val_loss" else max(values))
    assert fitted.notes == {"penalty": fitted.history[best]["penalty"]}
    alone = make(data, penalties=[fitted.history[best]["penalty"]])
    ridge.fit(alone)
    assert all(np.array_equal(*pair) for pair in zip(solution(run), solution(alone), strict=True))


def test_a_network_with_other_weights_to_train_is_refused(make):
    with pytest.raises(InputError, match=r"^variant 'tiny': its network has other weights to train"):
        ridge.fit(make(dataset(), network={"dense_head": {"dense_units": [5]}}))
