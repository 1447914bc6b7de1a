"""The folder of a prepared dataset, which every training reads: data/<dataset>/, in both directions.

images.npy and labels.npy hold the training pool, then the test images, each sorted by label and pixels:
equal content gives equal bytes, whichever source and order it came in. split.npy alone depends on how
validation images are chosen. manifest.json is a function of these arrays and the class names alone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.runtime import atomic
from stages.runtime.hashes import check_files, file_hash

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(len(SPLITS))  # as split.npy numbers them
_LABELS = ("labels.npy", "split.npy", "class_names.json")


@dataclass(frozen=True)
class LabelledImages:
    """What a dataset format reads, in whatever order its source has them.

    Attributes:
        images: uint8[n, size, size, 3], RGB in [0, 255].
        labels: int64[n] in [0, len(class_names)).
        is_test: bool[n]: in the test split.
        class_names: by label.
    """

    images: np.ndarray
    labels: np.ndarray
    is_test: np.ndarray
    class_names: list[str]


@dataclass(frozen=True)
class Dataset:
    """A prepared dataset, opened.

    Attributes:
        inputs: images uint8[n, size, size, 3] in [0, 255], or cached features float[n, ...]; memory-mapped.
        labels: int64[n] in [0, number of classes).
        split: uint8[n], places in SPLITS.
        class_names: by label.
        hashes: file name -> SHA-256 of all that was read.
        counts: images of each split, and classes.
    """

    inputs: np.ndarray
    labels: np.ndarray
    split: np.ndarray
    class_names: list[str]
    hashes: dict[str, str]
    counts: dict[str, int]

    def rows(self, split_name: str) -> np.ndarray:
        """Returns the rows of one of SPLITS, int64[], ascending."""
        return np.flatnonzero(self.split == SPLITS.index(split_name))


def write(
    folder: Path,
    labelled: LabelledImages,
    *,
    order: np.ndarray,
    split: np.ndarray,
    duplicates: Mapping[str, int],
) -> dict[str, Any]:
    """Writes images.npy, labels.npy, split.npy, class_names.json and manifest.json.

    Args:
        folder: an existing folder.
        labelled: the images in any order.
        order: int64[n], the rows of `labelled` in the order they are written in.
        split: uint8[n], places in SPLITS, in that order.
        duplicates: how many images are there more than once, for the manifest.

    Returns:
        The manifest: counts, duplicates, image size, hashes.
    """
    _write_images(folder / "images.npy", labelled.images, order)
    np.save(folder / "labels.npy", labelled.labels[order].astype(np.int64))
    np.save(folder / "split.npy", split.astype(np.uint8))
    atomic.write_json(folder / "class_names.json", labelled.class_names)
    counts = {name: int((split == number).sum()) for number, name in enumerate(SPLITS)}
    manifest = {
        "counts": counts | {"classes": len(labelled.class_names)},
        "duplicates": dict(duplicates),
        "image_size": int(labelled.images.shape[1]),
        "sha256": {name: file_hash(folder / name) for name in ("images.npy", *_LABELS)},
    }
    atomic.write_json(folder / "manifest.json", manifest)
    return manifest


def read(folder: Path, inputs: Path | None = None) -> Dataset:
    """Opens a prepared dataset.

    Args:
        folder: what `prepare` wrote, or its labels alone as `label_features` copies them.
        inputs: maps.npy or pooled.npy to learn from in place of the images, a row per image; its hash is in
            its folder's manifest.json.

    Raises:
        InputError: a file is not what its stage wrote.
    """
    manifest = _read_json(folder / "manifest.json")
    images = inputs or folder / "images.npy"
    source = _read_json(images.parent / "manifest.json") if inputs else manifest
    of_images = {images.name: source["sha256"][images.name]}
    of_labels = {name: manifest["sha256"][name] for name in _LABELS}
    check_files(images.parent, of_images)
    check_files(folder, of_labels)
    return Dataset(
        inputs=np.load(images, mmap_mode="r"),
        labels=np.load(folder / "labels.npy"),
        split=np.load(folder / "split.npy"),
        class_names=_read_json(folder / "class_names.json"),
        hashes=of_images | of_labels,
        counts=manifest["counts"],
    )


def _write_images(path: Path, images: np.ndarray, order: np.ndarray) -> None:
    # One image at a time, as all of them may be larger than memory.
    header = {"descr": "|u1", "fortran_order": False, "shape": images.shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for row in order:
            file.write(np.ascontiguousarray(images[row]))


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
