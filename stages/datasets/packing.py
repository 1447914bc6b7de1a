"""Labelled images become a prepared dataset: sorted by content, split, written."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from stages.datasets.labelled import LabelledImages
from stages.datasets.prepared import LABELS, SPLITS
from stages.datasets.splits import duplicates, split
from stages.runtime import atomic
from stages.runtime.errors import InputError, some
from stages.runtime.hashes import file_hash


def pack(
    folder: Path,
    labelled: LabelledImages,
    *,
    share: float,
    seed: int,
    resize: str = "squash",
    sizes: Sequence[int] = (),
    sizes_folder: Path | None = None,
) -> dict[str, Any]:
    """Sorts, splits and writes a dataset; returns its manifest.

    Args:
        folder: an existing folder.
        labelled: the images in any order.
        share: of the images outside the test split that validate.
        seed: chooses which ones.
        resize: how the images became squares, for the manifest.
        sizes: further ones, in which backbones want the images.
        sizes_folder: an existing folder for <size>.npy of each of them and a manifest; None writes none.

    Raises:
        InputError: a split would be empty, or a class would have no image in one.
    """
    hashes = np.array([pixel_hash(image) for image in labelled.images])
    order = np.lexsort((hashes, labelled.labels, labelled.is_test))
    labels, is_test, hashes = labelled.labels[order], labelled.is_test[order], hashes[order].tolist()
    chosen = split(labels, hashes, is_test, share=share, seed=seed)
    copies = duplicates(hashes, is_test)
    _check(labels, chosen, labelled.class_names, share, copies)
    manifest = write(folder, labelled, order=order, split=chosen, duplicates=copies, resize=resize)
    if sizes_folder:
        _write_sizes(sizes_folder, folder / "images.npy", labelled, order, sizes)
    return manifest


def write(
    folder: Path,
    labelled: LabelledImages,
    *,
    order: np.ndarray,
    split: np.ndarray,
    duplicates: Mapping[str, int],
    resize: str = "squash",
) -> dict[str, Any]:
    """Writes images.npy, labels.npy, split.npy, class_names.json and manifest.json.

    Args:
        folder: an existing folder.
        labelled: the images in any order.
        order: int64[n], the rows of `labelled` in the order they are written in.
        split: uint8[n], places in SPLITS or LEFT_OUT, in that order.
        duplicates: how many images occur more than once, for the manifest.
        resize: how the images became squares, for the manifest.

    Returns:
        The manifest: counts, duplicates, image size, resize, hashes.
    """
    _write_images(folder / "images.npy", labelled.images, order)
    np.save(folder / "labels.npy", labelled.labels[order].astype(np.int64))
    np.save(folder / "split.npy", split.astype(np.uint8))
    atomic.write_json(folder / "class_names.json", labelled.class_names)
    counts = {name: int((split == number).sum()) for number, name in enumerate((*SPLITS, "left_out"))}
    manifest = {
        "counts": counts | {"classes": len(labelled.class_names)},
        "duplicates": dict(duplicates),
        "image_size": int(labelled.images.shape[1]),
        "resize": resize,
        "sha256": {name: file_hash(folder / name) for name in ("images.npy", *LABELS)},
    }
    atomic.write_json(folder / "manifest.json", manifest)
    return manifest


def pixel_hash(image: np.ndarray) -> str:
    """Returns the SHA-256 of one image's pixels.

    Args:
        image: uint8[size, size, 3]; images compared with each other have one size.
    """
    return hashlib.sha256(np.ascontiguousarray(image)).hexdigest()


def _write_sizes(
    folder: Path, own: Path, labelled: LabelledImages, order: np.ndarray, sizes: Sequence[int]
) -> None:
    """Writes <size>.npy for each size, rows in the dataset's order, and a manifest of their hashes."""
    own_size = labelled.images.shape[1]
    if lacking := set(sizes) - {own_size, *labelled.further}:
        shown = ", ".join(map(str, sorted(lacking)))
        raise InputError(f"this dataset's format makes images of {own_size} pixels only, not of {shown}")
    for size in sizes:
        if size == own_size:
            atomic.link(own, folder / f"{size}.npy")
        else:
            _write_images(folder / f"{size}.npy", labelled.further[size], order)
    hashes = {f"{size}.npy": file_hash(folder / f"{size}.npy") for size in sizes}
    atomic.write_json(folder / "manifest.json", {"sha256": hashes})


def _write_images(path: Path, images: np.ndarray, order: np.ndarray) -> None:
    # One image at a time, as all of them may be larger than memory.
    header = {"descr": "|u1", "fortran_order": False, "shape": images.shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for row in order:
            file.write(np.ascontiguousarray(images[row]))


def _check(
    labels: np.ndarray, split: np.ndarray, names: list[str], share: float, copies: Mapping[str, int]
) -> None:
    """Refuses what would make a training or its evaluation fail, or mislead, hours later."""
    counts = np.array([np.bincount(labels[split == n], minlength=len(names)) for n in range(len(SPLITS))])
    found = ", ".join(f"{count} {name}" for count, name in zip(counts.sum(axis=1), SPLITS, strict=True))
    if not counts.sum(axis=1).all():
        raise InputError(
            f"validation_share: {share!r} leaves {found} images, expected at least one of each;"
            f" add images or choose another share ({_copies(copies)})"
        )
    lacking = [
        f"{name!r} has no {SPLITS[number]} image"
        for label, name in enumerate(names)
        for number in np.flatnonzero(counts[:, label] == 0)[:1]
    ]
    if lacking:
        raise InputError(
            f"class {some(lacking)} ({found} images of {len(names)} classes;"
            f" {_copies(copies)}); add images, at least 3 different ones, or leave it out of `classes`"
        )


def _copies(copies: Mapping[str, int]) -> str:
    return (
        f"{copies['within_pool']} are copies of others, which stay together;"
        f" {copies['pool_and_test']} are left out, as they are also test images"
    )
