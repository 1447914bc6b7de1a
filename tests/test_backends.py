"""The same command on another backend of Keras: it trains, and writes what it writes on TensorFlow."""

import sys

import numpy as np
import pytest
from commands import succeed

from benchmarks.studies import dataset, hashes, write_dataset, write_json, write_resolved
from stages.results import run_folder

BACKENDS = pytest.mark.parametrize(
    "backend", ["jax", pytest.param("torch", marks=pytest.mark.claimed("torch"))]
)
KNOBS = {
    "epochs": 3,
    "augmentation": [["flip", True], ["zoom", 0.2], ["crop", 2], ["cutout", 4], ["mixup", 0.2]],
    "views": {"mirror": True, "shift": 1},
    **{"label_smoothing": 0.1, "schedule": "cosine", "warmup": 0.1, "ema": 0.9},
    **{"rate_multipliers": {"head": 2.0}, "class_weights": "balanced"},
    **{"patience": 2, "restore_best": True},
}
OF_HEAD = ("train_head", "pets", "features")
CONVEX = {
    "network": {"dense_head": {"dense_units": []}},
    **{"trainer": "convex", "penalties": [1.0, 0.1], "feature_steps": ["standardise"]},
    **dict.fromkeys(("epochs", "batch_size", "optimizer", "augmentation", "normalisation")),
}


def trained(folder, backend, stage, *inputs):
    """What a command leaves that was run on a backend."""
    command = [sys.executable, "-m", f"stages.{stage}", "tiny.json", *inputs, f"models/{backend}"]
    succeed(folder, *command, KERAS_BACKEND=backend)
    (run,) = run_folder.read(folder / f"models/{backend}").runs
    assert run.record["backend"] == backend
    assert np.isfinite(run.history.to_numpy()).all()
    assert np.allclose(run.test.probabilities.sum(axis=1), 1, atol=1e-5)
    assert not list((folder / ".checkpoints").rglob("seed-0.npz"))  # it is finished
    return run


@BACKENDS
def test_a_network_trains_and_writes_what_it_writes_elsewhere(backend, tmp_path):
    write_dataset(tmp_path / "pets")
    write_resolved(tmp_path / "tiny.json", **KNOBS)
    run = trained(tmp_path, backend, "train", "pets")
    losses = run.history["val_loss"]
    assert run.history["epoch"].tolist() == [1, 2, 3][: len(losses)]
    assert run.record["notes"]["best_epoch"] == losses.argmin() + 1
    labels = run.validation.labels
    # what is saved is what was best; the history's figure is without views
    loss = -np.log(run.validation.probabilities[np.arange(len(labels)), labels]).mean()
    assert loss == pytest.approx(losses.min(), rel=0.2)


@pytest.fixture(scope="module")
def convex(tmp_path_factory):
    """A folder in which a convex head can be trained, and what that gives on TensorFlow."""
    folder = tmp_path_factory.mktemp("convex")
    write_dataset(folder / "pets")
    features = np.random.default_rng(0).normal(size=(40, 2, 5)).astype(np.float32)
    features[:, :, 0] += dataset().labels[:, None]
    (folder / "features").mkdir()
    np.save(folder / "features/pooled.npy", features)
    write_json(folder / "features/manifest.json", {"sha256": hashes(folder / "features", "*.npy")})
    write_resolved(folder / "tiny.json", "train_head", **CONVEX)
    return folder, trained(folder, "tensorflow", *OF_HEAD)


@BACKENDS
def test_a_convex_head_ends_in_the_same_minimum(backend, convex):
    folder, expected = convex
    run = trained(folder, backend, *OF_HEAD)
    assert run.record["notes"] == expected.record["notes"]
    assert np.allclose(run.test.probabilities, expected.test.probabilities, atol=1e-4)
    assert np.ptp(run.test.probabilities, axis=0).max() > 0.05  # so that this can fail
