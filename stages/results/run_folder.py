"""The folder of a trained variant, models/<name>: model, card, history, predictions and record."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.runtime.atomic import replacing, write_json
from stages.runtime.hashes import check_files, file_hash

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Predictions:
    """What a trained network predicts for one split.

    Attributes:
        probabilities: float64[n, k], saved as float32; rows sum to 1.
        labels: int64[n], the true classes.
    """

    probabilities: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Run:
    """What a training run left behind.

    Attributes:
        record: run.json, without the hashes of the other files.
        history: a row per epoch: epoch, loss, accuracy, val_loss, val_accuracy, learning_rate.
        validation: predictions for the validation split.
        test: predictions for the test split.
        class_names: k names, by label.
    """

    record: dict[str, Any]
    history: pd.DataFrame
    validation: Predictions
    test: Predictions
    class_names: tuple[str, ...]


def write(
    folder: Path,
    *,
    save_model: Callable[[Path], None],
    card: str,
    history: list[dict[str, float]],
    predictions: Mapping[str, tuple[np.ndarray, np.ndarray]],
    class_names: list[str],
    record: Mapping[str, Any],
) -> None:
    """Writes the folder, which appears as a whole; equal results give equal bytes.

    Args:
        folder: models/<name>.
        save_model: writes the model at the path it is given.
        card: README.md, Markdown.
        history: a row per epoch, all with the same keys.
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
        (partial / "README.md").write_text(card, encoding="utf-8", newline="\n")
        with (partial / "history.csv").open("w", encoding="utf-8", newline="") as file:
            rows = csv.DictWriter(file, list(history[0]), lineterminator="\n")
            rows.writeheader()
            rows.writerows(history)
        np.savez(partial / "predictions.npz", **arrays)  # dates its members 1980
        hashes = {path.name: file_hash(path) for path in partial.iterdir()}
        write_json(partial / "run.json", {**record, "sha256": hashes})


def read(folder: Path) -> Run:
    """Reads the folder after checking that its files are those that were written.

    Raises:
        InputError: a file has other bytes.
        FileNotFoundError: a file is missing.
    """
    import pandas as pd

    record = read_record(folder)
    check_files(folder, record.pop("sha256"))
    with np.load(folder / "predictions.npz") as arrays:
        validation, test = (
            Predictions(arrays[f"{split}_probabilities"].astype(np.float64), arrays[f"{split}_labels"])
            for split in ("validation", "test")
        )
        class_names = tuple(arrays["class_names"].tolist())
    history = pd.read_csv(folder / "history.csv")
    return Run(record, history, validation, test, class_names)


def read_record(folder: Path) -> dict[str, Any]:
    """Returns run.json with "sha256": {file: hash}; the other files are neither read nor checked."""
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))
