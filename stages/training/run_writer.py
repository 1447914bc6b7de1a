"""Writing of what one seed of a variant leaves: models/<name>/seed-<s>."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stages.runtime.atomic import replacing, write_json
from stages.runtime.hashes import file_hash


def write(
    folder: Path,
    *,
    save_model: Callable[[Path], None],
    history: list[dict[str, float]],
    predictions: Mapping[str, tuple[np.ndarray, np.ndarray]],
    class_names: list[str],
    record: Mapping[str, Any],
) -> None:
    """Writes model.keras, history.csv, predictions.npz and run.json; equal results give equal bytes.

    Args:
        folder: appears whole or not at all.
        save_model: writes the model at the path it is given.
        history: a row per epoch, or per unit that the trainer counts, all with the same keys.
        predictions: of the splits "validation" and "test": (probabilities [n, k], labels [n]).
        class_names: k names, by label.
        record: what ran on what, without times.
    """
    arrays: dict[str, np.ndarray] = {"class_names": np.array(class_names)}
    for split, (probabilities, labels) in predictions.items():
        arrays[f"{split}_probabilities"] = np.asarray(probabilities, np.float32)
        arrays[f"{split}_labels"] = np.asarray(labels, np.int64)
    with replacing(folder) as partial:
        partial.mkdir()
        save_model(partial / "model.keras")
        with (partial / "history.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.DictWriter(file, list(history[0]), lineterminator="\n")
            rows.writeheader()
            rows.writerows(history)
        np.savez(partial / "predictions.npz", **arrays)  # dates its members 1980
        hashes = {path.name: file_hash(path) for path in partial.iterdir()}
        write_json(partial / "run.json", {**record, "sha256": hashes})
