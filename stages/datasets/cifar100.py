"""CIFAR-100 (Krizhevsky 2009): the official python archive becomes labelled pictures.

Homepage: https://www.cs.toronto.edu/~kriz/cifar.html. Per picture 3072 bytes: 1024 red, 1024 green, 1024
blue, each row by row of 32 x 32.
"""

import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stages.datasets import pickles
from stages.datasets.archives import read_members
from stages.datasets.examples import Examples, relabel, select_classes
from stages.errors import InputError

ARCHIVE = "cifar-100-python.tar.gz"
SIZE = 32
N_CLASSES = 100
_MEMBERS = ("meta", "train", "test")


def read(folder: Path, *, classes: Sequence[int | str], image_size: int = SIZE) -> Examples:
    """Reads the chosen classes of the archive in `folder`.

    Args:
        folder: holds cifar-100-python.tar.gz.
        classes: which classes, as `select_classes` takes them.
        image_size: pixels; other than 32 scales the pictures.

    Raises:
        InputError: the archive lacks or spoils something, or a class has no images.
    """
    archive = folder / ARCHIVE
    batches = _batches(archive)
    names = _names(batches["meta"], f"{archive}: meta")
    parts = [_part(batches[part], f"{archive}: {part}") for part in ("train", "test")]
    all_labels = np.concatenate([labels for _, labels in parts])
    numbers = select_classes(classes, names)
    kept, labels = relabel(all_labels, numbers, names)
    is_test = np.repeat([False, True], [len(labels) for _, labels in parts])[kept]
    images = np.concatenate([pixels for pixels, _ in parts])[kept]
    images = _scaled(np.ascontiguousarray(_as_pictures(images)), image_size)
    return Examples(images, labels, is_test, [names[number] for number in numbers])


def _batches(archive: Path) -> dict[str, dict[bytes, Any]]:
    """Reads meta, train and test."""
    expected = {f"cifar-100-python/{member}" for member in _MEMBERS}
    batches = {}
    for name, content in read_members(archive, expected.__contains__):
        batches[name.rpartition("/")[2]] = pickles.load(content, name=f"{archive}: {name}")
    missing = [member for member in _MEMBERS if member not in batches]
    if missing:
        raise InputError(f"{archive} lacks cifar-100-python/{missing[0]}; expected {', '.join(_MEMBERS)}")
    return batches


def _names(meta: dict[bytes, Any], place: str) -> list[str]:
    listed = meta.get(b"fine_label_names")
    listed = listed if type(listed) is list else []
    names = [name.decode("ascii", "replace") for name in listed if type(name) is bytes and name.strip()]
    if not len(listed) == len(names) == len(set(names)) == N_CLASSES or not "".join(names).isprintable():
        raise InputError(f"{place} has no list of {N_CLASSES} fine_label_names; fetch the official archive")
    return names


def _part(batch: dict[bytes, Any], place: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns pixels uint8[n, 3072] and labels int64[n] in [0, 100) of train or test."""
    pixels, labels = batch.get(b"data"), batch.get(b"fine_labels")
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != 3 * SIZE * SIZE:
        raise InputError(f"{place} has no `data` of uint8[n, {3 * SIZE * SIZE}]; fetch the official archive")
    if type(labels) is not list or len(labels) != len(pixels):
        raise InputError(
            f"{place} has no `fine_labels` for its {len(pixels)} images; fetch the official archive"
        )
    wrong = [label for label in labels if type(label) is not int or not 0 <= label < N_CLASSES]
    if wrong:
        raise InputError(f"{place} has the label {reprlib.repr(wrong[0])}, expected 0 to {N_CLASSES - 1}")
    return pixels, np.array(labels, np.int64)


def _as_pictures(pixels: np.ndarray) -> np.ndarray:
    # (n, 3072) -> (n, channel, row, column) -> (n, row, column, channel)
    return pixels.reshape(-1, 3, SIZE, SIZE).transpose(0, 2, 3, 1)


def _scaled(images: np.ndarray, size: int) -> np.ndarray:
    if size == SIZE:
        return images
    scaled = np.empty((len(images), size, size, 3), np.uint8)
    for place, image in zip(scaled, images, strict=True):
        place[:] = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR)
    return scaled
