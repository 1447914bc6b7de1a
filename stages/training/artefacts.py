"""What a training leaves behind, in equal bytes for equal results."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from stages.atomic import replacing, write_json
from stages.hashes import file_hash
from stages.training import backend
from stages.training.examples import Examples
from stages.training.saving import save_model


def write(
    folder: Path,
    *,
    model: keras.Model,
    history: list[dict[str, float]],
    probabilities: dict[str, np.ndarray],
    examples: Examples,
    variant: dict[str, Any],
) -> None:
    """Writes model.keras, history.csv, predictions.npz and run.json; the folder appears whole.

    Args:
        folder: models/<variant>.
        model: what users load.
        history: as `fit` returns it.
        probabilities: float32[n, number of classes] of the sets "validation" and "test".
        examples: what it learned from.
        variant: the resolved variant.
    """
    arrays: dict[str, np.ndarray] = {"class_names": np.array(examples.class_names)}
    for name, values in probabilities.items():
        arrays[f"{name}_probabilities"] = values
        arrays[f"{name}_labels"] = examples.labels[examples.rows(name)]
    with replacing(folder) as partial:
        partial.mkdir()
        save_model(model, partial / "model.keras")
        pd.DataFrame(history).to_csv(partial / "history.csv", index=False)
        np.savez(partial / "predictions.npz", **arrays)
        hashes = {path.name: file_hash(path) for path in partial.iterdir()}
        write_json(partial / "run.json", _record(model, examples, variant) | {"sha256": hashes})


def _record(model: keras.Model, examples: Examples, variant: dict[str, Any]) -> dict[str, Any]:
    """Returns run.json: what ran on what, without times, so that equal runs are equal bytes."""
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return {
        "variant": variant["name"],
        "epochs": variant["epochs"],
        "seed": variant["seed"],
        "parameters": {"total": model.count_params(), "trainable": trainable},
        "dataset": examples.manifest["dataset"],
        "provenance": examples.manifest["provenance"],
        "sources": examples.manifest["sources"],
        **backend.environment(variant["threads"]),
    }
