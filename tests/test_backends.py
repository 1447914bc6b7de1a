"""The same command on another backend of Keras: it trains, and writes what it writes on TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.studies import dataset, hashes, write_dataset, write_json, write_resolved
from stages.results import run_folder

ROOT = Path(__file__).parent.parent
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
CONVEX = {
    "network": {"dense_head": {"dense_units": []}},
    **{"trainer": "convex", "penalties": [1.0, 0.1], "feature_steps": ["standardise"]},
    **dict.fromkeys(("epochs", "batch_size", "optimizer", "augmentation", "normalisation")),
}


def trained(folder, backend, stage, *inputs):
    """What a command leaves that was run on a backend."""
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", f"stages.{stage}", "tiny.json", *inputs, f"models/{backend}"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
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


@BACKENDS
def test_a_convex_head_ends_in_the_same_minimum(backend, tmp_path):
    write_dataset(tmp_path / "pets")
    data = dataset()
    features = np.random.default_rng(0).normal(size=(40, 2, 5)).astype(np.float32)
    features[:, :, 0] += data.labels[:, None]
    (tmp_path / "features").mkdir()
    np.save(tmp_path / "features/pooled.npy", features)
    write_json(tmp_path / "features/manifest.json", {"sha256": hashes(tmp_path / "features", "*.npy")})
    write_resolved(tmp_path / "tiny.json", "train_head", **CONVEX)
    inputs = ("train_head", "pets", "features")
    run, expected = (trained(tmp_path, each, *inputs) for each in (backend, "tensorflow"))
    assert run.record["notes"] == expected.record["notes"]
    assert np.allclose(run.test.probabilities, expected.test.probabilities, atol=1e-4)
    assert np.ptp(run.test.probabilities, axis=0).max() > 0.05  # so that this can fail
