"""Labelled images become a prepared dataset: sorted by content, split, written."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from stages.datasets import prepared
from stages.datasets.prepared import SPLITS, TRAIN, LabelledImages
from stages.datasets.splits import duplicates, split
from stages.runtime.errors import InputError


def pack(folder: Path, labelled: LabelledImages, *, share: float, seed: int) -> dict[str, Any]:
    """Sorts, splits and writes a dataset; returns its manifest.

    Args:
        folder: an existing folder.
        labelled: the images in any order.
        share: of the images outside the test split that validate.
        seed: chooses which ones.

    Raises:
        InputError: a split would be empty, or a class would have no image to train on.
    """
    hashes = np.array([pixel_hash(image) for image in labelled.images])
    order = np.lexsort((hashes, labelled.labels, labelled.is_test))
    labels, is_test, hashes = labelled.labels[order], labelled.is_test[order], hashes[order].tolist()
    chosen = split(labels, hashes, is_test, share=share, seed=seed)
    _check(labels, chosen, labelled.class_names, share)
    return prepared.write(folder, labelled, order=order, split=chosen, duplicates=duplicates(hashes, is_test))


def pixel_hash(image: np.ndarray) -> str:
    """Returns the SHA-256 of one image's pixels.

    Args:
        image: uint8[size, size, 3]; images compared with each other have one size.
    """
    return hashlib.sha256(np.ascontiguousarray(image)).hexdigest()


def _check(labels: np.ndarray, split: np.ndarray, names: list[str], share: float) -> None:
    """Refuses what a training or its evaluation would fail on, hours later."""
    counts = [int((split == number).sum()) for number in range(len(SPLITS))]
    found = ", ".join(f"{count} {name}" for count, name in zip(counts, SPLITS, strict=True))
    if not all(counts):
        raise InputError(
            f"validation_share: {share!r} leaves {found} images, expected at least one of each;"
            " add images or choose another share"
        )
    without = [name for label, name in enumerate(names) if TRAIN not in split[labels == label]]
    if without:
        raise InputError(
            f"class {without[0]!r} has no image to train on ({found} images of {len(names)} classes,"
            f" {len(without)} without); add images, or leave it out of `classes`"
        )
