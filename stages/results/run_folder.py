"""Reading of a trained variant, models/<name>: model, history, predictions and record of each seed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.runtime.errors import InputError
from stages.runtime.hashes import check_files

if TYPE_CHECKING:
    import pandas as pd

OF_ONE_SEED = ("seed", "sha256", "fingerprint")  # keys of a record that no two seeds share
LARGEST = ("epochs", "last_epoch")  # the largest stands for all seeds, should some stop early


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
class TrainedRun:
    """What the training of one seed left behind.

    Attributes:
        record: run.json, without the hashes of the other files.
        history: a row per epoch, or per penalty: that, loss, accuracy, val_loss, val_accuracy, ...
        validation: predictions for the validation split.
        test: predictions for the test split.
        class_names: k names, by label.
    """

    record: dict[str, Any]
    history: pd.DataFrame
    validation: Predictions
    test: Predictions
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class TrainedVariant:
    """The seeds of a variant, in their order; at least one, all of one recipe."""

    runs: tuple[TrainedRun, ...]

    @property
    def seeds(self) -> list[int]:
        """Returns the seeds."""
        return [run.record["seed"] for run in self.runs]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Returns k names, by label."""
        return self.runs[0].class_names

    @property
    def record(self) -> dict[str, Any]:
        """Returns what the seeds' records agree on; a list, one per seed, of values that differ."""
        records = [
            {key: value for key, value in run.record.items() if key not in OF_ONE_SEED} for run in self.runs
        ]
        largest = {key: max(record[key] for record in records) for key in LARGEST if key in records[0]}
        return _joint(records) | largest


def seed_folders(folder: Path) -> list[Path]:
    """Returns the folders of a variant's seeds, by number.

    Raises:
        InputError: there is none.
    """
    found = [path for path in folder.glob("seed-*") if path.name.removeprefix("seed-").isdecimal()]
    if not found:
        raise InputError(
            f"{folder} holds no trained seed, expected {folder / 'seed-0'} or another; run `dvc repro`"
        )
    return sorted(found, key=lambda path: int(path.name.removeprefix("seed-")))


def read(folder: Path) -> TrainedVariant:
    """Reads models/<name> after checking that its files are those that were written.

    Raises:
        InputError: it holds no seed, a file has other bytes, or seeds were trained by different recipes.
        FileNotFoundError: a file is missing.
    """
    folders = seed_folders(folder)
    runs = tuple(read_seed(path) for path in folders)
    for path, run in zip(folders, runs, strict=True):
        first = runs[0]
        if run.record["recipe"] != first.record["recipe"] or run.class_names != first.class_names:
            raise InputError(
                f"{path} was trained by another recipe than {folders[0]}; run `dvc repro`, which trains all"
                " seeds of a variant alike"
            )
    return TrainedVariant(runs)


def read_seed(folder: Path) -> TrainedRun:
    """Reads models/<name>/seed-<s>; raises as `read` does."""
    import pandas as pd

    record = read_record(folder)
    check_files(folder, record.pop("sha256"))
    with np.load(folder / "predictions.npz") as arrays:
        validation, test = (
            Predictions(arrays[f"{split}_probabilities"].astype(np.float64), arrays[f"{split}_labels"])
            for split in ("validation", "test")
        )
        class_names = tuple(arrays["class_names"].tolist())
    return TrainedRun(record, pd.read_csv(folder / "history.csv"), validation, test, class_names)


def read_record(folder: Path) -> dict[str, Any]:
    """Returns a seed's run.json with "sha256": {file: hash}; other files are neither read nor checked."""
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def _joint(values: list[Any]) -> Any:
    """Returns the value that all share, or a list of theirs; mappings are joined key by key."""
    if all(value == values[0] for value in values):
        return values[0]
    if all(isinstance(value, dict) for value in values):
        keys = dict.fromkeys(key for value in values for key in value)
        return {key: _joint([value.get(key) for value in values]) for key in keys}
    return values
