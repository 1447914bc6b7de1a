"""What a network learns from: memory-mapped inputs, labels and the set each belongs to."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.hashes import check_files
from stages.sets import SETS
from stages.sources import PROVENANCE, provenance


@dataclass(frozen=True)
class Examples:
    """A prepared dataset.

    Attributes:
        inputs: images uint8[n, height, width, 3] in [0, 255], or cached features float[n, ...].
        labels: int64[n] in [0, number of classes).
        split: uint8[n], places in `stages.sets.SETS`.
        class_names: one per class.
        manifest: what `prepare` wrote: counts, hashes, provenance; with those of features.
    """

    inputs: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    class_names: list[str]
    manifest: dict[str, Any]

    def rows(self, name: str) -> np.ndarray:
        """Returns the rows of a set, int64[n], ascending."""
        return np.flatnonzero(self.split == SETS.index(name))


def load(folder: Path, inputs: Path | None = None, backbone: Path | None = None) -> Examples:
    """Opens the folder a `prepare` stage made.

    Args:
        folder: data/cifar100 or data/cub200.
        inputs: an array with one row per image to learn from in place of the images, in a folder with
            a manifest.json of its own.
        backbone: folder of the backbone that is part of what is learned from; its provenance joins
            that of the images.

    Raises:
        InputError: an array is not what its stage wrote.
    """
    manifest = _read(folder / "manifest.json")
    arrays = manifest["sha256"]
    if inputs:
        arrays = {name: arrays[name] for name in ("labels.npy", "split.npy")}
        manifest["inputs"] = {inputs.name: _read(inputs.parent / "manifest.json")["sha256"][inputs.name]}
        check_files(inputs.parent, manifest["inputs"])
    check_files(folder, arrays)
    if backbone:
        manifest["sources"] |= _read(backbone / PROVENANCE)
    manifest["provenance"] = provenance(manifest["sources"])
    return Examples(
        inputs=np.load(inputs or folder / "images.npy", mmap_mode="r"),
        labels=np.load(folder / "labels.npy"),
        split=np.load(folder / "split.npy"),
        class_names=_read(folder / "class_names.json"),
        manifest=manifest,
    )


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def channel_statistics(examples: Examples) -> dict[str, list[float]]:
    """Returns mean and standard deviation per channel of the training images / 255 (report 2.1)."""
    pixels = examples.inputs[examples.rows("train")] / 255.0  # float64
    return {"mean": pixels.mean(axis=(0, 1, 2)).tolist(), "deviation": pixels.std(axis=(0, 1, 2)).tolist()}
