"""The smallest data and training runs that real stages run on."""

import copy
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.datasets import packing
from stages.datasets.labelled import LabelledImages
from stages.datasets.prepared import TEST, Dataset
from stages.runtime import resolved

if TYPE_CHECKING:
    import keras

    from stages.training.fitting import TrainingRun

THREADS = 2
NOISY = {
    **{"filters": [2, 3], "dense_units": [6]},
    **{"block_dropout": [0.5], "dense_dropout": [0.25], "batch_norm": "before"},
}
SMALL = {"base_net": {"filters": [3], "dense_units": []}}
KNOBS = {
    "name": "tiny",
    "seed": 0,
    "threads": THREADS,
    "epochs": 3,
    "batch_size": 10,
    "optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.001}},
    "network": {"deeper_net": NOISY},
    "augmentation": [["flip", True], ["zoom", 0.2]],
    "normalisation": "featurewise",
}
FOUND = (  # knob, room of the files that it names, neutral value
    ("trainer", "trainers", "sgd"),
    ("schedule", "schedules", "constant"),
    ("loss", "losses", "cross_entropy"),
)
PLAIN = {"network": SMALL, "augmentation": []}  # without chance after the first weights


def knobs(**changes: Any) -> dict[str, Any]:
    """Returns a variant's knobs, of a network with every kind of layer, with changes."""
    return copy.deepcopy(KNOBS) | changes


def training_run(
    data: Dataset, folder: Path, *, model: "keras.Model | None" = None, **changes: Any
) -> "TrainingRun":
    """Returns a run of these knobs, whose checkpoint lies in a folder.

    Args:
        data: what it learns from.
        folder: of the checkpoint.
        model: to train; built of the knobs where there is none.
        changes: of the knobs; `fingerprint`, `first_epoch` and `has_views` are the run's.
    """
    from stages.training.fitting import TrainingRun

    about = {key: changes.pop(key) for key in ("first_epoch", "has_views") if key in changes}
    fingerprint = changes.pop("fingerprint", "this run")
    chosen = knobs(**changes)
    return TrainingRun(
        chosen["name"],
        chosen["seed"],
        model or build(data, chosen),
        data,
        chosen,
        folder / "run.npz",
        fingerprint,
        **about,
    )


def write_resolved(path: Path, stage: str = "train", **changes: Any) -> None:
    """Writes these knobs as `resolve` does; those that are None are left out."""
    content = {knob: value for knob, value in knobs(**changes).items() if value is not None}
    uses = [f"stages.{room}.{content.get(knob, neutral)}" for knob, room, neutral in FOUND]
    uses += [f"stages.networks.{name}" for name in content.get("network", ())]
    uses += [f"stages.augmentation.{name}" for name, _ in content.get("augmentation", ())]
    resolved.write(path, stage, content, tuple(uses))


def dataset(n: int = 40, size: int = 16) -> Dataset:
    """Returns a dataset in memory: images of 3 classes that differ in brightness.

    Args:
        n: images; 3/5 train, 1/5 validate, 1/5 test.
        size: of the images, in pixels.
    """
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(n) % 3)
    images = rng.integers(0, 200, (n, size, size, 3)) + 25 * labels[:, None, None, None]
    split = np.resize([0, 0, 1, 0, 2], n).astype(np.uint8)
    return Dataset(images.astype(np.uint8), labels, split, ["ant", "bee", "cow"], {}, {}, size, "squash")


def write_dataset(folder: Path, *, n: int = 40, size: int = 16) -> None:
    """Writes such a dataset as `prepare` does."""
    folder.mkdir(parents=True)
    data = dataset(n, size)
    labelled = LabelledImages(data.inputs, data.labels, data.split == TEST, data.class_names)
    packing.write(folder, labelled, order=np.arange(n), split=data.split, duplicates={})


def build(data: Dataset, knobs: dict[str, Any]) -> "keras.Model":
    """Builds the network of a training run on images, as `train` does."""
    from stages.training import building

    return building.from_images(data, knobs, knobs["seed"])


def hashes(folder: Path, pattern: str = "*") -> dict[str, str]:
    """Returns the SHA-256 of a folder's files by their paths in there."""
    files = sorted(path for path in folder.glob(pattern) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def write_json(path: Path, value: Any) -> None:
    """Writes a value as JSON, in a folder made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
