"""One training from network to folder: equal bytes, even when it was interrupted on the way."""

import json
import os
import signal

import keras
import numpy as np
import pandas as pd
import pytest

from stages import interruptions
from stages.errors import InputError
from stages.networks import deeper_net
from stages.results.predictions import read_predictions
from stages.results.records import RUN_KEYS, read_run
from stages.training import examples, fitting, runs

pytestmark = pytest.mark.usefixtures("keras_configured")

FILES = ["history.csv", "model.keras", "predictions.npz", "run.json"]


@pytest.fixture
def train(tiny_examples, tiny_variant, tmp_path, monkeypatch):
    """A function that runs a variant into a folder; checkpoints lie in the current one."""
    monkeypatch.chdir(tmp_path)

    def train(folder, **changes):
        monkeypatch.setattr(interruptions, "_ending", [])  # each run stands for a process of its own
        variant = tiny_variant(**changes)
        statistics = examples.channel_statistics(tiny_examples)
        model = deeper_net.build(variant, (16, 16, 3), 3, statistics)
        runs.run(model, tiny_examples, variant, tmp_path / folder)
        return tmp_path / folder

    return train


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def at_step(monkeypatch):
    """A function that calls another in the middle of the step of this number, once."""

    def at_step(number, call):
        original, count = keras.Model.train_on_batch, -2  # those of the warm-up

        def train_on_batch(model, *arguments, **keywords):
            nonlocal count
            count += 1
            if count == number:
                call()
            return original(model, *arguments, **keywords)

        monkeypatch.setattr(keras.Model, "train_on_batch", train_on_batch)

    return at_step


def fail():
    raise KeyboardInterrupt


def signalled():
    os.kill(os.getpid(), signal.SIGTERM)


def test_an_interrupted_run_ends_in_the_bytes_of_one_that_was_not(train, at_step, tmp_path, capsys):
    expected = contents(train("undisturbed"))
    assert sorted(expected) == FILES
    assert contents(train("again")) == expected
    at_step(5, fail)  # in the middle of epoch 2, which has three steps
    with pytest.raises(KeyboardInterrupt):
        train("disturbed")
    assert not (tmp_path / "disturbed").exists()
    checkpoint = tmp_path / ".checkpoints" / tmp_path.name / "disturbed.npz"
    assert list(checkpoint.parent.iterdir()) == [checkpoint]
    capsys.readouterr()
    resumed = contents(train("disturbed"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tiny: goes on after epoch 1"
    assert [line.split(",")[0] for line in lines[1:]] == ["tiny: epoch 2/3", "tiny: epoch 3/3"]
    assert {name: resumed[name] == expected[name] for name in FILES} == dict.fromkeys(FILES, True)
    assert contents(train("disturbed")) == expected  # as if DVC had been killed before it recorded the result
    assert capsys.readouterr().out == "tiny: goes on after epoch 3\n"
    train("another", epochs=1)
    assert [path.name for path in checkpoint.parent.iterdir()] == ["another.npz"]


def test_a_stopped_run_goes_on_after_the_very_step_and_ends_in_the_same_bytes(train, at_step, capsys):
    expected = contents(train("undisturbed"))
    at_step(5, signalled)  # the second of three steps of epoch 2
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        train("stopped")
    assert caught.value.code == 128 + signal.SIGTERM
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "tiny: stopped after epoch 1 and 2 steps; the same command goes on from there"
    at_step(1, signalled)  # one step further: the last of the epoch
    with pytest.raises(SystemExit):
        train("stopped")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tiny: goes on after epoch 1 and 2 steps"
    assert lines[1].startswith("tiny: stopped after epoch 1 and 3 steps")
    assert contents(train("stopped")) == expected
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tiny: goes on after epoch 1 and 3 steps"
    assert [line.split(",")[0] for line in lines[1:]] == ["tiny: epoch 2/3", "tiny: epoch 3/3"]


def test_an_interruption_between_training_and_writing_trains_no_epoch_again(
    train, monkeypatch, tmp_path, capsys
):
    with monkeypatch.context() as patched:
        patched.setattr(runs.artefacts, "write", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train("run", epochs=1)
    capsys.readouterr()
    folder = train("run", epochs=1)
    assert capsys.readouterr().out == "tiny: goes on after epoch 1\n"
    assert len(pd.read_csv(folder / "history.csv")) == 1


def test_a_loss_that_is_not_finite_leaves_no_folder(train, tmp_path):
    with pytest.raises(InputError, match="a lower learning_rate usually cures it"):
        train("run", optimizer={"class_name": "SGD", "config": {"learning_rate": 1e38}}, batch_norm="none")
    assert not (tmp_path / "run").exists()


def test_what_a_run_writes_is_what_evaluate_reads(train, tiny_examples, tiny_variant):
    folder = train("run", epochs=1)
    record = read_run(folder / "run.json")
    assert set(RUN_KEYS) <= set(json.loads((folder / "run.json").read_text()))
    # conv 3*3*3*2+2 = 56, 3*3*2*3+3 = 57, dense 6*6*3*6+6 = 654, 6*3+3 = 21; of batch normalisation
    # 2 * (2+3+6) = 22 are trained and as many gathered
    assert record["parameters"] == {"total": 832, "trainable": 810}
    assert (record["variant"], record["dataset"], record["epochs"]) == ("tiny", "cifar100", 1)
    assert (record["provenance"], record["seed"], record["threads"]) == ("official", 0, 2)
    predictions = read_predictions(folder / "predictions.npz")
    assert list(predictions.class_names) == ["ant", "bee", "cow"]
    for name in ("validation", "test"):
        part = getattr(predictions, name)
        assert np.array_equal(part.labels, tiny_examples.labels[tiny_examples.rows(name)])
        assert part.probabilities.shape == (8, 3)
    history = pd.read_csv(folder / "history.csv")
    assert list(history) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]
    model = keras.saving.load_model(folder / "model.keras")
    assert not model.compiled
    images = tiny_examples.inputs[tiny_examples.rows("test")].astype(np.float32)
    assert np.allclose(model.predict_on_batch(images), predictions.test.probabilities, atol=1e-6)
    variant = tiny_variant()
    measured = fitting.measure(fitting.compiled(model, variant), tiny_examples, "validation")
    assert measured["loss"] == pytest.approx(history["val_loss"].iloc[-1], rel=1e-5)
