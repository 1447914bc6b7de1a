"""The same command on another backend of Keras: it trains, and writes what it writes on TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.studies import write_dataset, write_resolved
from stages.results import run_folder

ROOT = Path(__file__).parent.parent
KNOBS = {
    "epochs": 2,
    "augmentation": [["flip", True], ["zoom", 0.2], ["crop", 2], ["cutout", 4], ["mixup", 0.2]],
    "views": {"mirror": True, "shift": 1},
    **{"label_smoothing": 0.1, "schedule": "cosine", "warmup": 0.1, "ema": 0.9},
}


@pytest.mark.parametrize("backend", ["jax", pytest.param("torch", marks=pytest.mark.claimed("torch"))])
def test_a_network_trains_and_writes_what_it_writes_elsewhere(backend, tmp_path):
    write_dataset(tmp_path / "pets")
    write_resolved(tmp_path / "tiny.json", **KNOBS)
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "stages.train", "tiny.json", "pets", "models/tiny"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (run,) = run_folder.read(tmp_path / "models/tiny").runs
    assert run.record["backend"] == backend
    assert run.history["epoch"].tolist() == [1, 2]
    assert np.isfinite(run.history.to_numpy()).all()
    assert np.allclose(run.test.probabilities.sum(axis=1), 1, atol=1e-5)
    assert not list((tmp_path / ".checkpoints").rglob("seed-0.npz"))  # it is finished
