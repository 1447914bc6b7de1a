"""Training by steps: what the knobs of a whole run do, what makes it end, resume or start."""

import os
import signal

import numpy as np
import pytest

from benchmarks.studies import PLAIN
from stages.runtime import signals
from stages.runtime.errors import InputError
from stages.trainers import sgd
from stages.training import checkpoints, epoch, optimizers, plan, prediction
from stages.training.optimizers import Recipe
from stages.training.session import prepare

pytestmark = pytest.mark.usefixtures("keras_configured")

COLUMNS = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]
ADAM = {"class_name": "Adam", "config": {"learning_rate": 0.01}}
COARSE = {"class_name": "SGD", "config": {"learning_rate": 0.5}}  # steps so large that losses rise again


def fit(run):
    return sgd.fit(run).history


def of_split(run, split):
    """A network's probabilities on a split and their labels, by Keras' own forward pass."""
    rows = run.data.rows(split)
    found = np.asarray(run.model(run.data.inputs[rows].astype(np.float32), training=False), np.float64)
    return found, run.data.labels[rows]


def weights(run):
    return checkpoints.state(run.model.weights)


def are_equal(first, second):
    return all(np.array_equal(*pair) for pair in zip(first, second, strict=True))


def test_the_history_has_a_record_for_each_epoch(make, capsys):
    history = fit(make(epochs=2))
    assert [list(record) for record in history] == [COLUMNS] * 2
    assert [record["epoch"] for record in history] == [1, 2]
    assert {type(record[name]) for record in history for name in COLUMNS[1:]} == {float}
    assert [record["learning_rate"] for record in history] == [0.001] * 2
    lines = capsys.readouterr().out.splitlines()
    values = ", ".join(f"{name} {history[0][name]:.4f}" for name in COLUMNS[1:5])
    assert lines[0] == f"tiny: epoch 1/2, {values}"
    assert [line.split(",")[0] for line in lines] == ["tiny: epoch 1/2", "tiny: epoch 2/2"]


def test_training_lowers_the_loss(make):
    history = fit(make(**PLAIN, optimizer=ADAM, epochs=8))
    assert history[-1]["loss"] < 0.9 * history[0]["loss"]


def test_a_schedule_counts_steps_over_all_epochs_and_changes_what_is_learned(make):
    knobs = {"schedule": "cosine", "warmup": 0.5}
    history = fit(make("scheduled", **PLAIN, **knobs))
    rates = optimizers.learning_rates(Recipe({}, **knobs), 0.001, np.array([2, 5, 8]), 9)
    assert [record["learning_rate"] for record in history] == pytest.approx(rates.tolist())  # the last step's
    constant = fit(make("constant", **PLAIN))
    assert history[0]["loss"] != constant[0]["loss"]


def test_a_schedule_of_keras_is_recorded(make):
    config = {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5}
    block = {"module": "keras.optimizers.schedules", "class_name": "ExponentialDecay", "config": config}
    optimizer = {"class_name": "SGD", "config": {"learning_rate": block | {"registered_name": None}}}
    history = fit(make(**PLAIN, epochs=2, optimizer=optimizer))
    assert [record["learning_rate"] for record in history] == pytest.approx([0.05, 0.025])  # 3 steps an epoch


def test_rate_multipliers_hold_for_all_steps(make):
    run = make("still", **PLAIN, optimizer=ADAM, rate_multipliers={"block1": 0.0})
    before = dict(zip([weight.path for weight in run.model.weights], weights(run), strict=True))
    fit(run)
    after = dict(zip(before, weights(run), strict=True))
    moved = {path for path in before if not np.array_equal(before[path], after[path])}
    assert moved == {"head_logits/kernel", "head_logits/bias"}


def test_a_multiplier_of_no_layer_ends_the_run_before_it_trains(make, capsys):
    with pytest.raises(InputError, match=r"^variant 'tiny': rate_multipliers: no layer's name"):
        fit(make(rate_multipliers={"x": 0.5}))
    assert capsys.readouterr().out == ""


def test_averaged_weights_end_in_the_network_and_are_what_is_validated(make):
    run, other = make("averaged", ema=0.6, epochs=2), prepare(make(epochs=2))
    (*_, last) = fit(run)
    # by hand, after each step of the same training without averages
    averages = [values.astype(np.float64) for values in checkpoints.state(other.model.weights)]
    advance, data, step = other.step_function(), other.run.data, 0
    for number in (1, 2):
        epoch._seed_dropout(other.model, 0, number)
        drawn = plan.draw(data.rows("train"), seed=0, epoch=number, augmentation=other.run.augmentation)
        for chunk in plan.chunks(drawn, data.inputs, data.labels, 10):
            for i in range(len(chunk.inputs)):
                draws = {name: values[i : i + 1] for name, values in chunk.draws.items()}
                one = plan.Chunk(chunk.inputs[i : i + 1], chunk.labels[i : i + 1], draws)
                advance(one, np.zeros(1, np.float32), np.zeros(1, np.float32))
                decay = min(0.6, (1 + step) / (10 + step))
                values = checkpoints.state(other.model.weights)
                averages = [
                    decay * old + (1 - decay) * new for old, new in zip(averages, values, strict=True)
                ]
                step += 1
    assert step == 6
    for average, found, unaveraged in zip(averages, weights(run), weights(other.run), strict=True):
        assert np.allclose(found, average, atol=1e-5)
        assert average.shape == (3,) or not np.allclose(found, unaveraged, atol=1e-6)
    probabilities, labels = of_split(run, "validation")
    expected = prediction.loss_and_accuracy(probabilities, labels)
    assert (last["val_loss"], last["val_accuracy"]) == pytest.approx(tuple(expected.values()), rel=1e-5)


@pytest.fixture
def measured(monkeypatch):
    """A function that lets epochs have validation figures of ours, one after another."""

    def measured(*values, name="val_loss"):
        other = {"val_loss": ("loss", "accuracy"), "val_accuracy": ("accuracy", "loss")}[name]
        left = iter(values)
        monkeypatch.setattr(epoch, "loss_and_accuracy", lambda *_: {other[0]: next(left), other[1]: 0.5})

    return measured


@pytest.mark.parametrize(
    ("monitor", "values", "patience", "stopped_after", "best"),
    [
        ("val_loss", [0.9, 0.7, 0.8, 0.7, 0.1], 2, 4, 2),  # what is only as good is no improvement
        ("val_accuracy", [0.2, 0.4, 0.3, 0.4, 0.9], 2, 4, 2),
    ],
)
def test_a_run_stops_after_so_many_epochs_without_improvement(
    make, measured, monitor, values, patience, stopped_after, best
):
    measured(*values, name=monitor)
    knobs = {"epochs": 10, "patience": patience, "monitor": monitor, "restore_best": True}
    fitted = sgd.fit(make(**PLAIN, **knobs))
    assert [record["epoch"] for record in fitted.history] == list(range(1, stopped_after + 1))
    assert [record[monitor] for record in fitted.history] == values[:stopped_after]
    assert fitted.notes == {"stopped_after": stopped_after, "best_epoch": best}


def test_a_run_that_improves_often_enough_has_all_its_epochs_and_no_note(make, measured):
    measured(0.9, 0.8, 0.9, 0.7)
    fitted = sgd.fit(make(**PLAIN, epochs=4, patience=2))
    assert (len(fitted.history), fitted.notes) == (4, {})


@pytest.mark.parametrize("knobs", [{}, {"ema": 0.5}], ids=["plain", "ema"])
def test_a_run_may_end_with_the_weights_of_its_best_epoch(make, measured, knobs):
    knobs = {"optimizer": ADAM} | knobs  # with batch normalisation, whose statistics come back, too
    run = make("best", epochs=4, restore_best=True, **knobs)
    until_best, whole = (make(name, epochs=epochs, **knobs) for name, epochs in (("two", 2), ("four", 4)))
    measured(0.9, 0.7, 0.8, 0.7, *[0.5] * 6)
    fitted = sgd.fit(run)
    assert fitted.notes == {"best_epoch": 2}
    assert len(fitted.history) == 4
    for other in (until_best, whole):
        fit(other)
    assert are_equal(weights(run), weights(until_best))
    assert not are_equal(weights(run), weights(whole))


def test_the_best_epoch_of_a_run_that_continues_another_is_counted_on(make, measured):
    measured(0.9, 0.7, 0.8)
    fitted = sgd.fit(make(**PLAIN, epochs=3, first_epoch=11, restore_best=True))
    assert fitted.notes == {"best_epoch": 12}


def test_what_a_best_network_gives_is_its_best_figure(make):
    run = make(**PLAIN, optimizer=COARSE, epochs=6, restore_best=True)
    losses = [record["val_loss"] for record in fit(run)]
    assert losses.index(min(losses)) < 5  # else this shows nothing
    found = prediction.loss_and_accuracy(*of_split(run, "validation"))
    assert found["loss"] == pytest.approx(min(losses), rel=1e-5)


STOPPED = {"epochs": 9, "patience": 1, "restore_best": True, "ema": 0.5}
OVER = {
    "averaged": {"ema": 0.5, "epochs": 1},
    "best": {"epochs": 2, "restore_best": True, "optimizer": ADAM},
    "stopped": STOPPED | {"optimizer": COARSE},
}


@pytest.mark.parametrize("kind", OVER)
def test_a_run_that_is_over_trains_no_more_and_ends_in_the_same_weights(make, tmp_path, capsys, kind):
    first, again = make(**OVER[kind]), make(**OVER[kind])
    fitted, before = sgd.fit(first), first.checkpoint.read_bytes()
    last = fitted.history[-1]["epoch"]
    assert kind != "stopped" or last < 9
    capsys.readouterr()
    assert sgd.fit(again) == fitted
    assert capsys.readouterr().out == f"tiny: resuming after epoch {last}\n"
    assert first.checkpoint.read_bytes() == before
    assert are_equal(weights(again), weights(first))


@pytest.fixture
def at_chunk(monkeypatch):
    """A function that sends this process a signal while the chunk of a number is computed, once."""

    def at_chunk(number):
        original, count = plan.chunks, -2  # the warm-up's

        def chunks(*arguments, **keywords):
            nonlocal count
            for chunk in original(*arguments, **keywords):
                count += 1
                if count == number:
                    os.kill(os.getpid(), signal.SIGTERM)
                yield chunk

        monkeypatch.setattr(signals, "_ending", [])
        monkeypatch.setattr(plan, "MAX_STEPS", 1)
        monkeypatch.setattr(plan, "chunks", chunks)

    return at_chunk


RESUMED = [
    # chunk, place, knobs, scripted validation losses
    (2, "the start, step 2", {"ema": 0.5, "schedule": "linear", "epochs": 2}, None),
    (4, "epoch 1, step 1", {"ema": 0.5, "schedule": "linear", "epochs": 2}, None),
    (8, "epoch 2, step 2", {"epochs": 4, "restore_best": True, "optimizer": ADAM}, [0.8, 0.7, 0.9, 0.7]),
    (8, "epoch 2, step 2", STOPPED | {"optimizer": ADAM}, [0.9, 0.7, 0.8]),
]


@pytest.mark.parametrize(("chunk", "place", "knobs", "losses"), RESUMED)
def test_a_signal_ends_after_its_chunk_and_the_run_resumes_exactly(
    make, at_chunk, measured, monkeypatch, capsys, chunk, place, knobs, losses
):
    if losses:
        measured(*losses, *losses)
    expected_run = make("undisturbed", **knobs)
    with monkeypatch.context() as patched:
        patched.setattr(plan, "MAX_STEPS", 1)
        expected = sgd.fit(expected_run)
    at_chunk(chunk)
    with pytest.raises(SystemExit):
        fit(make(**knobs))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"tiny: stopped after {place}; run the same command again to resume"
    monkeypatch.setattr(signals, "_ending", [])
    run = make(**knobs)
    assert sgd.fit(run) == expected
    assert capsys.readouterr().out.splitlines()[0] == f"tiny: resuming after {place}"
    assert are_equal(weights(run), weights(expected_run))
    with np.load(run.checkpoint) as found, np.load(expected_run.checkpoint) as whole:
        assert all(np.array_equal(found[name], whole[name]) for name in whole)
