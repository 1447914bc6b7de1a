"""Logistic regression by L-BFGS: the minimum itself, the penalty that validation chooses, resumption."""

import dataclasses
import functools

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize

from stages.datasets.prepared import Dataset
from stages.runtime.errors import InputError
from stages.trainers import convex
from tests import linear_heads
from tests.linear_heads import dataset, measured, of_split, softmax, solution

pytestmark = pytest.mark.usefixtures("keras_configured")

COLUMNS = ["penalty", "loss", "accuracy", "val_loss", "val_accuracy", "iterations"]


@pytest.fixture
def make(tmp_path):
    """A function that makes a run."""
    return functools.partial(linear_heads.run, tmp_path)


def gradient(kernel, bias, x, labels, penalty):
    """The gradient as text books have it: by kernel and by bias."""
    errors = (softmax(x @ kernel + bias) - np.eye(bias.size)[labels]) / len(x)
    return x.T @ errors + penalty * kernel, errors.sum(axis=0)


def test_the_objective_is_the_mean_cross_entropy_and_half_the_penalty_of_the_squared_kernel():
    # logits (0, ln 3) and (0, 2 ln 3): probabilities (1/4, 3/4) and (1/10, 9/10)
    x, labels, flat = np.array([[1.0], [2.0]]), np.array([1, 0]), np.array([0.0, np.log(3), 0.0, 0.0])
    value, slopes = convex.objective(flat, (1, 2), x, labels, penalty=0.5)
    assert value == pytest.approx((np.log(4 / 3) + np.log(10)) / 2 + 0.25 * np.log(3) ** 2)
    # by the kernel: (1 (1/4) + 2 (1/10 - 1)) / 2 and its opposite; by the bias: (1/4 - 9/10) / 2
    assert slopes == pytest.approx([-0.775, 0.775 + 0.5 * np.log(3), -0.325, 0.325])


@pytest.mark.parametrize("penalty", [1e-4, 0.3])
def test_its_gradient_is_that_of_finite_differences(penalty):
    rng = np.random.default_rng(1)
    x, labels, flat = rng.normal(size=(20, 4)), rng.integers(0, 3, 20), rng.normal(size=15)
    slopes = approx_fprime(flat, lambda at: convex.objective(at, (4, 3), x, labels, penalty)[0], 1e-6)
    assert np.allclose(convex.objective(flat, (4, 3), x, labels, penalty)[1], slopes, atol=1e-5)


@pytest.mark.parametrize("penalty", [1e-3, 0.1])
def test_the_fit_ends_in_the_minimum(make, penalty):
    data = dataset()
    run = make(data, penalties=[penalty])
    convex.fit(run)
    kernel, bias = solution(run)
    (x, labels) = of_split(data, "train")
    slopes = gradient(kernel, bias, x[:, 0], labels, penalty)
    assert max(np.abs(each).max() for each in slopes) < 1e-5

    def objective(flat):  # without a gradient, by another method
        logits = x[:, 0] @ flat[:12].reshape(4, 3) + flat[12:]
        losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels]
        return losses.mean() + penalty / 2 * (flat[:12] ** 2).sum()

    found = minimize(objective, np.ones(15), method="BFGS", options={"gtol": 1e-7}).x
    assert np.allclose(kernel, found[:12].reshape(4, 3), atol=1e-3)
    assert np.allclose(bias, found[12:] - found[12:].mean(), atol=1e-3)  # all biases may be shifted


@pytest.mark.parametrize("views", [1, 2])
def test_with_more_features_than_examples_it_is_the_minimum_all_the_same(make, views):
    data = dataset(c=200, views=views)
    x, labels = of_split(data, "train")
    flat = x.reshape(-1, 200)
    assert len(flat) < 200
    run = make(data, penalties=[0.01])
    convex.fit(run)
    kernel, bias = solution(run)
    slopes = gradient(kernel, bias, flat, np.repeat(labels, views), 0.01)
    assert max(np.abs(each).max() for each in slopes) < 1e-4
    assert np.linalg.matrix_rank(kernel) <= 3


def test_equal_examples_count_as_often_as_they_are_there(make):
    data = dataset(c=200)
    rows = data.rows("train")
    data.inputs[rows[1:20]] = data.inputs[rows[0]]  # so that the examples are dependent
    run = make(data, penalties=[0.01])
    convex.fit(run)
    x, labels = of_split(data, "train")
    slopes = gradient(*solution(run), x[:, 0], labels, 0.01)
    assert max(np.abs(each).max() for each in slopes) < 1e-4


def test_a_small_penalty_is_fitted_to_a_smaller_gradient(make, monkeypatch):
    asked = []
    monkeypatch.setattr(
        convex, "minimize", lambda *a, **k: asked.append(k["options"]["gtol"]) or minimize(*a, **k)
    )
    convex.fit(make(dataset(), penalties=[0.1, 1e-7]))
    assert asked == [pytest.approx(1e-6), pytest.approx(1e-8)]


def test_a_larger_penalty_leaves_smaller_weights_and_the_biases_free(make):
    data = dataset()
    labels = data.labels.copy()
    labels[::3] = 0  # more of one class
    data = dataclasses.replace(data, labels=labels)
    sizes = []
    for penalty in (1e-3, 0.1, 1e6):
        run = make(data, str(penalty), penalties=[penalty])
        convex.fit(run)
        kernel, bias = solution(run)
        sizes.append(np.abs(kernel).max())
    assert sizes[0] > 1.5 * sizes[1] > 1e3 * sizes[2]
    # with no kernel left, biases are the logarithms of the classes' shares
    shares = np.bincount(labels[data.rows("train")]) / 36
    assert np.allclose(softmax(bias), shares, atol=1e-4)


def test_the_history_has_a_record_for_each_penalty_from_the_largest(make):
    data = dataset(views=2)
    fitted = convex.fit(make(data, penalties=[0.01, 1.0, 0.1]))
    assert [list(record) for record in fitted.history] == [COLUMNS] * 3
    assert [record["penalty"] for record in fitted.history] == [1.0, 0.1, 0.01]
    losses = [record["loss"] for record in fitted.history]
    assert losses == sorted(losses, reverse=True)
    assert all(0 < record["iterations"] < convex.MOST_ITERATIONS for record in fitted.history)
    for record in fitted.history:
        run = make(data, str(record["penalty"]), penalties=[record["penalty"]])
        convex.fit(run)
        for split, prefix in (("train", ""), ("validation", "val_")):
            loss, accuracy = measured(run, data, split)
            assert record[f"{prefix}loss"] == pytest.approx(loss, abs=1e-4)
            assert record[f"{prefix}accuracy"] == pytest.approx(accuracy)


CLEAR, MIXED, BLURRED = {"noise": 0.02}, {"seed": 5}, {"noise": 3.0, "seed": 5}


@pytest.mark.parametrize(
    ("data", "monitor", "chosen"),
    [
        (CLEAR, "val_loss", 0.001),
        (CLEAR, "val_accuracy", 1.0),  # all are right whatever the penalty: the largest
        (MIXED, "val_loss", 0.1),
        (MIXED, "val_accuracy", 0.01),  # 9 of 12 are right, as with 0.001; with more 8
        (BLURRED, "val_loss", 1.0),
    ],
)
def test_validation_chooses_the_penalty_and_the_network_gets_its_weights(make, data, monitor, chosen):
    data = dataset(**data)
    run = make(data, penalties=[0.001, 0.1, 1.0, 0.01], monitor=monitor)
    fitted = convex.fit(run)
    assert fitted.notes == {"penalty": chosen}
    values = [record[monitor] for record in fitted.history]
    (record,) = [record for record in fitted.history if record["penalty"] == chosen]
    assert record[monitor] == (min(values) if monitor == "val_loss" else max(values))
    x, labels = of_split(data, "validation")
    kernel, bias = solution(run)
    found = softmax(x[:, 0] @ kernel + bias)
    loss = -np.log(found[np.arange(12), labels]).mean()
    assert (record["val_loss"], record["val_accuracy"]) == pytest.approx(
        (loss, (found.argmax(axis=1) == labels).mean()), abs=1e-5
    )


def test_all_views_of_an_image_count_in_training_like_images_of_their_own(make):
    data = dataset(views=3, n=40)
    apart = Dataset(
        data.inputs.reshape(120, 1, 4),
        *(np.repeat(values, 3) for values in (data.labels, data.split)),
        *(data.class_names, {}, {}, 8, "squash"),
    )
    runs = make(data, "views"), make(apart, "images")
    for run in runs:
        convex.fit(run)
    for found, expected in zip(*map(solution, runs), strict=True):
        assert np.allclose(found, expected, atol=1e-6)


def test_what_is_fitted_is_what_the_last_layer_sees_after_the_steps(make):
    data = dataset()
    run = make(data, feature_steps=["standardise"], penalties=[0.01])
    convex.fit(run)
    (x, labels), (kernel, bias) = of_split(data, "train"), solution(run)
    seen = (x[:, 0] - x[:, 0].mean(axis=0)) / x[:, 0].std(axis=0)
    assert max(np.abs(each).max() for each in gradient(kernel, bias, seen, labels, 0.01)) < 1e-5
    found = np.asarray(run.model(x[:, 0].astype(np.float32), training=False))
    assert np.allclose(found, softmax(seen @ kernel + bias), atol=1e-5)


@pytest.mark.parametrize(
    "network",
    [{"dense_head": {"dense_units": [4]}}, {"dense_head": {"dense_units": [4], "batch_norm": "before"}}],
    ids=["dense", "batch_norm"],
)
def test_a_network_with_other_weights_to_train_is_refused_before_anything_is_fitted(make, network, capsys):
    with pytest.raises(InputError, match=r"^variant 'tiny': its network has other weights to train"):
        convex.fit(make(dataset(), network=network))
    assert capsys.readouterr().out == ""


def test_two_fits_leave_equal_bytes_whatever_the_seed(make):
    data = dataset(views=2)
    runs = [make(data, f"{seed}", seed=seed, penalties=[0.1, 0.01]) for seed in (0, 1)]
    assert not np.array_equal(*(solution(run)[0] for run in runs))
    first, second = map(convex.fit, runs)
    assert first == second
    assert [values.tobytes() for values in solution(runs[0])] == [
        values.tobytes() for values in solution(runs[1])
    ]


@pytest.mark.parametrize("data", [CLEAR, BLURRED], ids=["last_is_best", "first_is_best"])
def test_a_killed_fit_goes_on_after_its_last_penalty_and_ends_in_the_same_weights(
    make, monkeypatch, capsys, data
):
    data, knobs = dataset(**data), {"penalties": [0.1, 0.01, 0.001]}
    whole, killed, resumed = (make(data, name, **knobs) for name in ("whole", "killed", "killed"))
    expected = convex.fit(whole)
    calls = iter((minimize, minimize))
    with monkeypatch.context() as patched:
        patched.setattr(convex, "minimize", lambda *values, **more: next(calls)(*values, **more))
        with pytest.raises(StopIteration):
            convex.fit(killed)
    capsys.readouterr()
    assert convex.fit(resumed) == expected
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tiny: resuming after penalty 0.01"
    assert [line.split(",")[0] for line in lines[1:]] == ["tiny: penalty 0.001"]
    for found, values in zip(solution(resumed), solution(whole), strict=True):
        assert np.array_equal(found, values)
    assert convex.fit(make(data, "killed", **knobs)) == expected  # which is over: nothing is fitted again
    assert capsys.readouterr().out == "tiny: resuming after penalty 0.001\n"
