"""The folder of a prepared dataset, data/<dataset>/, as every training reads it; `packing` writes it.

images.npy and labels.npy hold the training pool, then the test images, each sorted by label and pixels:
equal content gives equal bytes, whatever its source and order. Only split.npy depends on how validation
images are chosen. manifest.json is a function of nothing but these arrays, the class names and how images
became squares.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.runtime.hashes import check_files

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST, LEFT_OUT = range(4)  # as split.npy numbers them; what is left out is in no split
LABELS = ("labels.npy", "split.npy", "class_names.json")  # the files next to the images


@dataclass(frozen=True)
class Dataset:
    """A prepared dataset, opened.

    Attributes:
        inputs: images uint8[n, size, size, 3] in [0, 255], or cached features float[n, ...]; memory-mapped.
        labels: int64[n] in [0, number of classes).
        split: uint8[n], places in SPLITS, or LEFT_OUT.
        class_names: by label.
        hashes: file name -> SHA-256 of all that was read.
        counts: images of each split, of those left out, and classes.
        image_size: pixels; of the images that features were made of.
        resize: how images become squares, see `stages.datasets.images.square`.
    """

    inputs: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    class_names: list[str]
    hashes: dict[str, str]
    counts: dict[str, int]
    image_size: int
    resize: str

    def rows(self, split_name: str) -> np.ndarray:
        """Returns the rows of one of SPLITS, int64[], ascending."""
        return np.flatnonzero(self.split == SPLITS.index(split_name))


def read(folder: Path, inputs: Path | None = None) -> Dataset:
    """Opens a prepared dataset.

    Args:
        folder: what `prepare` wrote, or only its labels, as `label_features` copies them.
        inputs: maps.npy or pooled.npy to learn from instead of the images, a row per image; its hash is in
            its folder's manifest.json, perhaps with the image_size of what it was made from.

    Raises:
        InputError: a file is not what its stage wrote.
    """
    manifest = _read_json(folder / "manifest.json")
    images = inputs or folder / "images.npy"
    source = _read_json(images.parent / "manifest.json") if inputs else manifest
    of_images = {images.name: source["sha256"][images.name]}
    of_labels = {name: manifest["sha256"][name] for name in LABELS}
    check_files(images.parent, of_images)
    check_files(folder, of_labels)
    return Dataset(
        inputs=np.load(images, mmap_mode="r"),
        labels=np.load(folder / "labels.npy"),
        split=np.load(folder / "split.npy"),
        class_names=_read_json(folder / "class_names.json"),
        hashes=of_images | of_labels,
        counts=manifest["counts"],
        image_size=source.get("image_size", manifest["image_size"]),
        resize=manifest["resize"],
    )


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
