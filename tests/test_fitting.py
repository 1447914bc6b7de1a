"""The training loop: what an epoch records, and what makes a run stop, go on or start anew."""

import csv
import math

import numpy as np
import pytest

from stages.errors import InputError
from stages.networks import deeper_net
from stages.training import checkpoints, examples, fitting
from stages.training.batches import ordered_batches, training_batches

pytestmark = pytest.mark.usefixtures("keras_configured")

COLUMNS = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]
STILL = {"class_name": "SGD", "config": {"learning_rate": 0.0}}  # weights stay, so that losses can be told
PLAIN = {"batch_norm": "none", "block_dropout": [], "dense_dropout": []}


@pytest.fixture
def trained(tiny_examples, tiny_variant):
    """A function that builds and compiles a variant's network."""

    def trained(variant):
        statistics = examples.channel_statistics(tiny_examples)
        return fitting.compiled(deeper_net.build(variant, (16, 16, 3), 3, statistics), variant)

    return trained


def cross_entropy(model, inputs, labels):
    """The loss of each example, by hand."""
    probabilities = model.predict_on_batch(inputs).astype(np.float64)
    return -np.log(probabilities[np.arange(len(labels)), labels]), probabilities.argmax(axis=1) == labels


def test_the_history_is_the_mean_over_all_examples_whatever_the_batches(
    trained, tiny_examples, tiny_variant, tmp_path
):
    variant = tiny_variant(**PLAIN, optimizer=STILL, epochs=1)
    model = trained(variant)
    (record,) = fitting.fit(model, tiny_examples, variant, checkpoint=tmp_path / "c.npz")
    batches = list(training_batches(tiny_examples, variant, 1))
    assert [len(labels) for _, labels in batches] == [10, 10, 4]  # so a mean of means would differ
    losses, hits = zip(*(cross_entropy(model, *batch) for batch in batches), strict=True)
    assert record["loss"] == pytest.approx(np.concatenate(losses).mean(), rel=1e-5)
    assert record["accuracy"] == pytest.approx(np.concatenate(hits).mean(), rel=1e-6)
    assert record["loss"] != pytest.approx(np.mean([loss.mean() for loss in losses]), rel=1e-5)
    (batch,) = ordered_batches(tiny_examples, "validation", 99)
    losses, hits = cross_entropy(model, *batch)
    assert record["val_loss"] == pytest.approx(losses.mean(), rel=1e-5)
    assert record["val_accuracy"] == hits.mean()


def test_the_history_has_a_record_for_each_epoch(trained, tiny_examples, tiny_variant, tmp_path, capsys):
    variant = tiny_variant(epochs=2)
    history = fitting.fit(trained(variant), tiny_examples, variant, checkpoint=tmp_path / "c.npz")
    assert [list(record) for record in history] == [COLUMNS] * 2
    assert [record["epoch"] for record in history] == [1, 2]
    assert {type(record[name]) for record in history for name in COLUMNS[1:]} == {float}
    assert [record["learning_rate"] for record in history] == [pytest.approx(0.001)] * 2
    lines = capsys.readouterr().out.splitlines()
    values = ", ".join(f"{name} {history[0][name]:.4f}" for name in COLUMNS[1:5])
    assert lines[0] == f"tiny: epoch 1/2, {values}"
    assert [line.split(",")[0] for line in lines] == ["tiny: epoch 1/2", "tiny: epoch 2/2"]


def test_training_lowers_the_loss(trained, tiny_examples, tiny_variant, tmp_path):
    adam = {"class_name": "Adam", "config": {"learning_rate": 0.01}}
    variant = tiny_variant(**PLAIN, optimizer=adam, epochs=8, flip=False, zoom=0.0)
    history = fitting.fit(trained(variant), tiny_examples, variant, checkpoint=tmp_path / "c.npz")
    assert history[-1]["loss"] < 0.9 * history[0]["loss"]


MUTATES = "keras.optimizers.get writes into the variant: a lower-case name, an object for a schedule"


def test_compiling_leaves_the_variant_alone(trained, tiny_variant):
    variant = tiny_variant(optimizer={"class_name": "SGD", "config": {"learning_rate": 0.1}})
    trained(variant)
    assert variant["optimizer"] == {"class_name": "SGD", "config": {"learning_rate": 0.1}}


def test_a_schedule_of_learning_rates_goes_through_and_is_recorded(
    trained, tiny_examples, tiny_variant, tmp_path
):
    schedule = {
        "module": "keras.optimizers.schedules",
        "class_name": "ExponentialDecay",
        "registered_name": None,
        "config": {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5},
    }
    variant = tiny_variant(optimizer={"class_name": "SGD", "config": {"learning_rate": schedule}}, epochs=2)
    history = fitting.fit(trained(variant), tiny_examples, variant, checkpoint=tmp_path / "c.npz")
    assert [record["learning_rate"] for record in history] == pytest.approx([0.05, 0.025])  # 3 steps an epoch


@pytest.mark.parametrize("optimizer", ["Adagrad", "RMSprop", "Adadelta", "SGD"])
def test_the_optimizers_of_the_report_are_keras_own(trained, tiny_variant, optimizer):
    variant = tiny_variant(optimizer={"class_name": optimizer, "config": {"learning_rate": 0.25}})
    model = trained(variant)
    assert type(model.optimizer).__name__ == optimizer
    assert float(model.optimizer.learning_rate) == 0.25


@pytest.mark.parametrize(
    ("optimizer", "problem"),
    [
        ({"class_name": "Adamm", "config": {}}, "Could not interpret optimizer identifier"),
        ({"class_name": "SGD", "config": {"learn_rate": 0.1}}, "learn_rate"),
        ({"class_name": "SGD", "config": {"momentum": 2.0}}, "momentum"),
    ],
)
def test_an_optimizer_that_keras_refuses_is_an_error(trained, tiny_variant, optimizer, problem):
    with pytest.raises(InputError) as caught:
        trained(tiny_variant(optimizer=optimizer))
    assert str(caught.value).startswith(f"Keras refuses optimizer {optimizer}: ")
    assert problem in str(caught.value).removeprefix(f"Keras refuses optimizer {optimizer}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_loss_that_is_not_finite_ends_the_run_and_says_where(
    trained, tiny_examples, tiny_variant, tmp_path
):
    variant = tiny_variant(**PLAIN, optimizer={"class_name": "SGD", "config": {"learning_rate": 1e38}})
    message = (
        r"^variant 'tiny': the loss is (nan|inf) in epoch 1, step 2; "
        "a lower learning_rate usually cures it$"
    )
    with pytest.raises(InputError, match=message):
        fitting.fit(trained(variant), tiny_examples, variant, checkpoint=tmp_path / "c.npz")
    assert list(tmp_path.glob("*.npz")) == []


def test_a_validation_loss_that_is_not_finite_ends_the_run_before_its_checkpoint(
    trained, tiny_examples, tiny_variant, tmp_path, monkeypatch
):
    variant = tiny_variant()
    monkeypatch.setattr(fitting, "measure", lambda *_: {"loss": float("nan"), "accuracy": 0.0})
    message = (
        "^variant 'tiny': the validation loss is nan after epoch 1; a lower learning_rate usually cures it$"
    )
    with pytest.raises(InputError, match=message):
        fitting.fit(trained(variant), tiny_examples, variant, checkpoint=tmp_path / "c.npz")
    assert list(tmp_path.glob("*.npz")) == []


def test_measuring_and_predicting_leave_the_model_alone(trained, tiny_examples, tiny_variant):
    model = trained(tiny_variant())
    before = [np.asarray(variable) for variable in model.variables]
    first = fitting.measure(model, tiny_examples, "test")
    probabilities = fitting.predict(model, tiny_examples, "test")
    assert fitting.measure(model, tiny_examples, "test") == first
    assert all(np.array_equal(old, new) for old, new in zip(before, model.variables, strict=True))
    rows = tiny_examples.rows("test")
    assert (probabilities.shape, probabilities.dtype) == ((8, 3), np.float32)
    labels = tiny_examples.labels[rows]
    assert first["loss"] == pytest.approx(-np.log(probabilities[np.arange(8), labels]).mean(), rel=1e-5)
    assert first["accuracy"] == (probabilities.argmax(axis=1) == labels).mean()


def test_dropout_is_a_function_of_seed_and_epoch(trained, tiny_examples, tiny_variant, tmp_path):
    """Epoch 2 alone, from weights that stay, gives what it gives after epoch 1."""

    def fit(epochs, first_epoch):
        variant = tiny_variant(optimizer=STILL, epochs=epochs)
        model, path = trained(variant), tmp_path / f"{epochs}-{first_epoch}.npz"
        history = fitting.fit(model, tiny_examples, variant, checkpoint=path, first_epoch=first_epoch)
        return history, np.asarray(model.get_layer("block1_dropout").seed_generator.state).tolist()

    (first, second), state = fit(2, 1)
    (alone,), state_alone = fit(1, 2)
    assert (alone["epoch"], alone["loss"], state_alone) == (2, second["loss"], state)
    assert first["loss"] != second["loss"]
    (other,), state_other = fit(1, 3)
    assert state_other[0] != state[0]
    assert other["loss"] != second["loss"]


def test_the_fingerprint_depends_on_all_that_a_training_does(trained, tiny_examples, tiny_variant):
    def fingerprint(variant, manifest=tiny_examples.manifest):
        data = examples.Examples(
            tiny_examples.inputs, tiny_examples.labels, tiny_examples.split, ["a", "b", "c"], manifest
        )
        return fitting.fingerprint(trained(variant), data, variant)

    variant = tiny_variant()
    seen = [
        fingerprint(variant),
        fingerprint(variant | {"code": "4" * 64}),
        fingerprint(variant | {"zoom": 0.3}),
        fingerprint(variant | {"epochs": 4}),
        fingerprint(variant | {"seed": 1}),
        fingerprint(variant, tiny_examples.manifest | {"sha256": {"images.npy": "5" * 64}}),
    ]
    assert len(set(seen)) == len(seen)
    assert fingerprint(variant) == seen[0]
    started = trained(variant)
    started.get_layer("head_logits").bias.assign([0, 0, 1])  # a start from other weights
    assert fitting.fingerprint(started, tiny_examples, variant) not in seen


def test_a_checkpoint_of_another_run_is_not_used(trained, tiny_examples, tiny_variant, tmp_path, capsys):
    variant, path = tiny_variant(**PLAIN, epochs=1), tmp_path / "c.npz"
    fitting.fit(trained(variant), tiny_examples, variant, checkpoint=path)
    other = variant | {"seed": 1}
    history = fitting.fit(trained(other), tiny_examples, other, checkpoint=path)
    fresh = fitting.fit(trained(other), tiny_examples, other, checkpoint=tmp_path / "fresh.npz")
    assert history == fresh
    assert "goes on" not in capsys.readouterr().out


def test_a_run_that_is_over_trains_no_more(trained, tiny_examples, tiny_variant, tmp_path, capsys):
    variant, path = tiny_variant(**PLAIN, epochs=1), tmp_path / "c.npz"
    history = fitting.fit(trained(variant), tiny_examples, variant, checkpoint=path)
    before = path.read_bytes()
    capsys.readouterr()
    assert fitting.fit(trained(variant), tiny_examples, variant, checkpoint=path) == history
    assert capsys.readouterr().out == "tiny: goes on after epoch 1\n"
    assert path.read_bytes() == before


def test_a_history_comes_back_from_a_checkpoint_to_the_last_digit(trained, tiny_variant, tmp_path):
    model = trained(tiny_variant())
    history = [{"epoch": 1, "loss": 1 / 3, "accuracy": math.nextafter(0.1, 1)}]
    checkpoints.save(tmp_path / "c.npz", model, checkpoints.Progress(history), "run", {})
    assert checkpoints.restore(tmp_path / "c.npz", model, "run").history == history
    assert list(csv.reader([str(history[0]["loss"])])) == [["0.3333333333333333"]]
