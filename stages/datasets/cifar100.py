"""CIFAR-100 (Krizhevsky 2009): the python archive becomes labelled images.

Homepage: https://www.cs.toronto.edu/~kriz/cifar.html. Per image 3072 bytes: 1024 red, 1024 green, 1024 blue,
each row by row of 32 x 32.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stages.datasets import pickles
from stages.datasets.archives import read_members
from stages.datasets.classes import relabel, select_classes
from stages.datasets.images import square
from stages.datasets.labelled import LabelledImages
from stages.runtime import memmaps
from stages.runtime.errors import InputError

ARCHIVE = "cifar-100-python.tar.gz"
SIZE = 32
N_CLASSES = 100


def read(
    source: Path,
    *,
    classes: Sequence[int | str],
    image_size: int,
    scratch: Path,
    sizes: Sequence[int] = (),
) -> LabelledImages:
    """Reads the chosen classes of the archive in a folder.

    Args:
        source: holds cifar-100-python.tar.gz, pickled by Python 2 (the official one) or 3.
        classes: which classes, as `select_classes` takes them.
        image_size: pixels; other than 32 scales the images.
        scratch: a folder to write scaled images into, which may be larger than memory.
        sizes: further ones.

    Raises:
        InputError: the archive lacks something or is damaged, or a class has no images.
    """
    archive = source / ARCHIVE
    expected = [f"cifar-100-python/{name}" for name in ("meta", "train", "test")]
    meta, train, test = _batches(archive, expected)
    names = _names(meta, f"{archive}: meta")
    pixels, labels = zip(_rows(train, f"{archive}: train"), _rows(test, f"{archive}: test"), strict=True)
    numbers = select_classes(classes, names)
    kept, new_labels = relabel(np.concatenate(labels), numbers, names)
    is_test = kept >= len(labels[0])
    rows = np.concatenate([pixels[0][kept[~is_test]], pixels[1][kept[is_test] - len(labels[0])]])
    # (n, 3072) -> (n, channel, row, column) -> (n, row, column, channel)
    images = rows.reshape(-1, 3, SIZE, SIZE).transpose(0, 2, 3, 1)
    scaled = {size: _scaled(images, size, scratch) for size in {image_size, *sizes}}
    return LabelledImages(
        scaled.pop(image_size), new_labels, is_test, [names[number] for number in numbers], scaled
    )


def _batches(archive: Path, expected: list[str]) -> list[dict[str, Any]]:
    members = read_members(archive, expected)
    batches = {name: pickles.load(content, name=f"{archive}: {name}") for name, content in members}
    return [batches[name] for name in expected]


def _names(meta: dict[str, Any], place: str) -> list[str]:
    listed = meta.get("fine_label_names", ())
    try:
        names = [pickles.text(name) for name in listed]
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: a class name is not UTF-8: {error.object!r}") from None
    if len(set(names)) != N_CLASSES:
        raise InputError(f"{place} has {len(set(names))} different fine_label_names, expected {N_CLASSES}")
    return names


def _rows(batch: dict[str, Any], place: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns pixels uint8[n, 3072] and labels int64[n] in [0, 100) of train or test."""
    pixels, labels = np.asarray(batch.get("data")), np.asarray(batch.get("fine_labels"))
    if pixels.dtype != np.uint8 or pixels.shape != (len(labels.ravel()), 3 * SIZE * SIZE):
        raise InputError(
            f"{place} holds data {pixels.dtype}{list(pixels.shape)} and {labels.size} fine_labels,"
            f" expected uint8[n, {3 * SIZE * SIZE}] and n labels"
        )
    if labels.dtype.kind not in "iu" or not 0 <= labels.min() <= labels.max() < N_CLASSES:
        raise InputError(f"{place} has fine_labels other than whole numbers from 0 to {N_CLASSES - 1}")
    return pixels, labels.astype(np.int64)


def _scaled(images: np.ndarray, size: int, scratch: Path) -> np.ndarray:
    if size == SIZE:
        return images
    scaled = memmaps.create(scratch / f"{size}.npy", np.uint8, (len(images), size, size, 3))
    for place, image in zip(scaled, images, strict=True):
        place[:] = square(Image.fromarray(image), size)
    return scaled
