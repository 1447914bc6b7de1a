"""The same command on another backend of Keras: it trains, and writes what it writes on TensorFlow."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parent.parent
BASE_NET = {"architecture": "base_net", "batch_norm": "none", "block_dropout": [], "dense_dropout": []}


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("changes", [BASE_NET, {}], ids=["base_net", "deeper_net"])
def test_a_network_trains_and_writes_its_four_files(backend, changes, prepared, tiny_variant, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed; it is an optional dependency")
    (tmp_path / "tiny.json").write_text(json.dumps(tiny_variant(**changes, epochs=2)))
    environment = os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "stages.train", "tiny.json", str(prepared), "models/tiny"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "models/tiny"
    assert sorted(path.name for path in folder.iterdir()) == [
        "history.csv",
        "model.keras",
        "predictions.npz",
        "run.json",
    ]
    assert json.loads((folder / "run.json").read_text())["backend"] == backend
    history = pd.read_csv(folder / "history.csv")
    assert history["epoch"].tolist() == [1, 2]
    assert np.isfinite(history.to_numpy()).all()
    with np.load(folder / "predictions.npz") as predictions:
        assert np.allclose(predictions["test_probabilities"].sum(axis=1), 1, atol=1e-5)
    left = [path.name for path in (tmp_path / ".checkpoints").rglob("*") if path.is_file()]
    assert left == ["tiny.npz"]  # until another training starts
