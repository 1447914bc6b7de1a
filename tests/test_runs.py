"""One training run from network to folder: equal bytes, even when it was interrupted on the way."""

import os
import signal

import keras
import numpy as np
import pytest

from benchmarks import studies
from stages.datasets import prepared
from stages.results import run_folder
from stages.runtime import signals
from stages.runtime.errors import InputError
from stages.runtime.resolved import Resolved
from stages.training import prediction, runs, steps
from stages.training.settings import from_knobs, recipe

pytestmark = pytest.mark.usefixtures("keras_configured")

FILES = ["README.md", "history.csv", "model.keras", "predictions.npz", "run.json"]
MANY = {  # chunks of 16 and 8 steps
    **{"batch_size": 1, "epochs": 2, "ema": 0.9, "schedule": "cosine", "augmentation": [["flip", True]]},
    "network": {"base_net": {"filters": [3], "dense_units": [], "block_dropout": [0.5]}},
}


@pytest.fixture
def train(tmp_path, monkeypatch):
    """A function that runs a variant into a folder; checkpoints lie in the current one."""
    monkeypatch.chdir(tmp_path)
    studies.write_dataset(tmp_path / "data")

    def train(folder, **changes):
        monkeypatch.setattr(signals, "_ending", [])  # each run stands for a process of its own
        resolved = Resolved(studies.knobs(**changes), (), "code")
        data = prepared.read(tmp_path / "data")
        model = studies.build(data, from_knobs(resolved.knobs))
        runs.run(model, data, resolved, tmp_path / folder, dataset="pets")
        return tmp_path / folder

    return train


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def at_chunk(monkeypatch):
    """A function that calls another before the chunk of this number is computed, once."""

    def at_chunk(number, call):
        original, count = steps.runner, -1  # the warm-up's: one size of batch

        def runner(*arguments, **keywords):
            run_chunk = original(*arguments, **keywords)

            def counted(*values):
                nonlocal count
                count += 1
                if count == number:
                    call()
                return run_chunk(*values)

            return counted

        monkeypatch.setattr(steps, "runner", runner)

    return at_chunk


def fail():
    raise KeyboardInterrupt


def test_interrupted_and_stopped_runs_end_in_the_bytes_of_an_undisturbed_one(
    train, at_chunk, tmp_path, capsys, monkeypatch
):
    expected = contents(train("undisturbed", **MANY))
    assert sorted(expected) == FILES
    with monkeypatch.context():
        at_chunk(4, fail)  # in epoch 2, which has two chunks
        with pytest.raises(KeyboardInterrupt):
            train("disturbed", **MANY)
    assert not (tmp_path / "disturbed").exists()
    checkpoint = tmp_path / ".checkpoints" / tmp_path.name / "disturbed.npz"
    assert list(checkpoint.parent.iterdir()) == [checkpoint]
    at_chunk(1, lambda: os.kill(os.getpid(), signal.SIGTERM))  # the first of epoch 2
    with pytest.raises(SystemExit) as caught:
        train("disturbed", **MANY)
    assert caught.value.code == 128 + signal.SIGTERM
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "tiny: resuming after epoch 1"
    assert lines[-1] == "tiny: stopped after epoch 1, step 16; run the same command again to resume"
    resumed = contents(train("disturbed", **MANY))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tiny: resuming after epoch 1, step 16"
    assert [line.split(",")[0] for line in lines[1:]] == ["tiny: epoch 2/2"]
    assert {name: resumed[name] == expected[name] for name in FILES} == dict.fromkeys(FILES, True)
    assert contents(train("disturbed", **MANY)) == expected  # as if DVC were killed before it recorded it
    assert capsys.readouterr().out == "tiny: resuming after epoch 2\n"
    train("another", **studies.PLAIN, epochs=1)
    assert [path.name for path in checkpoint.parent.iterdir()] == ["another.npz"]


def test_an_interruption_between_training_and_writing_trains_no_epoch_again(train, monkeypatch, capsys):
    with monkeypatch.context() as patched:
        patched.setattr(run_folder, "write", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train("run", **studies.PLAIN, epochs=1)
    capsys.readouterr()
    folder = train("run", **studies.PLAIN, epochs=1)
    assert capsys.readouterr().out == "tiny: resuming after epoch 1\n"
    assert len(run_folder.read(folder).history) == 1


def test_a_loss_that_is_not_finite_leaves_no_folder(train, tmp_path):
    huge = {"class_name": "SGD", "config": {"learning_rate": 1e38}}
    with pytest.raises(InputError, match="lower the learning_rate"):
        train("run", optimizer=huge, **studies.PLAIN)
    assert not (tmp_path / "run").exists()


def test_a_run_writes_its_averaged_model_and_what_that_predicts(train, tmp_path):
    run = run_folder.read(train("run", epochs=2, ema=0.7))
    data = prepared.read(tmp_path / "data")
    # conv 3*3*3*2+2 = 56, 3*3*2*3+3 = 57, dense 6*6*3*6+6 = 654, 6*3+3 = 21; of batch normalisation
    # 2 * (2+3+6) = 22 are trained and as many gathered
    assert run.record["parameters"] == {"total": 832, "trainable": 810}
    assert (
        run.record
        | {
            "name": "tiny",
            "dataset": "pets",
            "epochs": 2,
            "seed": 0,
            "threads": 2,
            "precision": "float32",
            "classes": 3,
            "splits": {"train": 24, "validation": 8, "test": 8},
            "inputs": data.hashes,
            "recipe": recipe(studies.knobs(epochs=2, ema=0.7)),
        }
        == run.record
    )
    assert run.class_names == ("ant", "bee", "cow")
    model = keras.saving.load_model(tmp_path / "run/model.keras")
    assert not model.compiled
    for split in ("validation", "test"):
        rows, found = data.rows(split), getattr(run, split)
        assert np.array_equal(found.labels, data.labels[rows])
        expected = model.predict_on_batch(data.inputs[rows].astype(np.float32))
        assert np.allclose(found.probabilities, expected, atol=1e-6)
    measured = prediction.loss_and_accuracy(run.validation.probabilities, run.validation.labels)
    assert measured["loss"] == pytest.approx(run.history["val_loss"].iloc[-1], rel=1e-5)


@pytest.mark.parametrize("views", [{"tta_flip": True}, {"tta_shift": 2}])
def test_several_views_change_the_predictions_of_the_same_network(train, tmp_path, views):
    plain, seen = (
        run_folder.read(train("plain", **studies.PLAIN, epochs=1)),
        run_folder.read(train("views", **studies.PLAIN, epochs=1, **views)),
    )
    assert seen.history.equals(plain.history)
    model = keras.saving.load_model(tmp_path / "views/model.keras")
    data = prepared.read(tmp_path / "data")
    over = prediction.views(flip=views.get("tta_flip", False), shift=views.get("tta_shift", 0))
    found = prediction.probabilities(steps.predictor(model), data, "test", over=over)
    assert np.allclose(seen.test.probabilities, found, atol=1e-6)
    assert not np.allclose(seen.test.probabilities, plain.test.probabilities, atol=1e-6)


def test_another_model_of_the_same_layers_may_be_saved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = studies.dataset()
    resolved = Resolved(studies.knobs(**studies.PLAIN, epochs=1), (), "code")
    model = studies.build(data, from_knobs(resolved.knobs))
    inputs = keras.Input((16, 16, 3))
    whole = keras.Model(inputs, model(keras.layers.Rescaling(1.0)(inputs)))
    runs.run(model, data, resolved, tmp_path / "whole", dataset="pets", saved=whole)
    saved = keras.saving.load_model(tmp_path / "whole/model.keras")
    expected = run_folder.read(tmp_path / "whole").test.probabilities
    assert isinstance(saved.layers[1], keras.layers.Rescaling)
    images = data.inputs[data.rows("test")].astype(np.float32)
    assert np.allclose(saved.predict_on_batch(images), expected, atol=1e-6)
