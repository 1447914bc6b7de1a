"""The packed form of a data set that every later stage reads.

images.npy and labels.npy hold the official training images, then the test images, each sorted by label and
pixel hash: equal content gives equal bytes, whichever source and order it came in. split.npy alone depends on
how validation images are chosen.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stages import atomic, memmaps
from stages.datasets.examples import Examples
from stages.datasets.hashes import pixel_hash
from stages.datasets.splits import duplicates, split
from stages.errors import InputError
from stages.hashes import file_hash
from stages.sets import SETS
from stages.sources import PROVENANCE, provenance

_KINDS = ("official", "stand-in")


def read_sources(folder: Path) -> dict[str, dict[str, Any]]:
    """Reads the provenance of the archives in a folder and checks that they are still those bytes.

    Raises:
        InputError: no provenance.json or one that `download` did not write, or an archive is missing, has
            changed since it was fetched, or is not in provenance.json.
    """
    file = folder / PROVENANCE
    try:
        sources = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"no {file}; make it with `python -m stages.download`") from None
    except (ValueError, RecursionError):
        raise InputError(f"{file} is no JSON; fetch the archives again") from None
    if not _is_provenance(sources):
        raise InputError(f"{file} does not give kind and sha256 of each archive; fetch the archives again")
    unlisted = sorted({path.name for path in folder.glob("[!.]*")} - {*sources, PROVENANCE})
    if unlisted:
        raise InputError(f"{folder / unlisted[0]} is not in {PROVENANCE}; fetch the archives again")
    for name, entry in sources.items():
        archive = folder / name
        if not archive.is_file() or file_hash(archive) != entry["sha256"]:
            raise InputError(
                f"{archive} has changed since it was fetched, expected sha256:{entry['sha256']};"
                " fetch the archives again"
            )
    return sources


def _is_provenance(sources: Any) -> bool:
    return (
        isinstance(sources, dict)
        and len(sources) > 0  # all of none would be official
        and all(
            isinstance(entry, dict) and entry.get("kind") in _KINDS and isinstance(entry.get("sha256"), str)
            for entry in sources.values()
        )
        and all(Path(name).name == name for name in sources)
    )


def pack(
    examples: Examples, folder: Path, *, dataset: str, sources: Mapping[str, Any], share: float, seed: int
) -> dict[str, Any]:
    """Writes examples as images.npy, labels.npy, split.npy, class_names.json and manifest.json.

    Args:
        examples: the pictures in any order.
        folder: an existing folder.
        dataset: its name, for the manifest.
        sources: provenance of the archives.
        share: of the images outside the test set that validate.
        seed: chooses which ones.

    Returns:
        The manifest: counts, duplicates, image size, provenance and hashes of the arrays.
    """
    hashes = np.array([pixel_hash(image) for image in examples.images])
    order = np.lexsort((hashes, examples.labels, examples.is_test))
    labels, is_test, hashes = examples.labels[order], examples.is_test[order], hashes[order]
    sides = split(labels, hashes.tolist(), is_test, share=share, seed=seed)
    _write_images(folder / "images.npy", examples.images, order)
    np.save(folder / "labels.npy", labels.astype(np.int64))
    np.save(folder / "split.npy", sides)
    atomic.write_json(folder / "class_names.json", examples.class_names)
    manifest = {
        "dataset": dataset,
        "counts": _counts(sides) | {"classes": len(examples.class_names)},
        "duplicates": duplicates(hashes.tolist(), is_test),
        "image_size": int(examples.images.shape[1]),
        "provenance": provenance(sources),
        "sources": dict(sources),
        "sha256": {name: file_hash(folder / name) for name in ("images.npy", "labels.npy", "split.npy")},
    }
    atomic.write_json(folder / "manifest.json", manifest)
    return manifest


def _write_images(path: Path, images: np.ndarray, order: np.ndarray) -> None:
    written = memmaps.create(path, np.uint8, images.shape)
    for row, index in enumerate(order):
        written[row] = images[index]
    written.flush()


def _counts(sides: np.ndarray) -> dict[str, int]:
    return {name: int((sides == side).sum()) for side, name in enumerate(SETS)}
