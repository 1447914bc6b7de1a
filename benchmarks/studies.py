"""The smallest data and variants that real stages run on."""

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

THREADS = 2
VARIANT = {
    "name": "tiny",
    "code": "2" * 64,
    "seed": 0,
    "threads": THREADS,
    "epochs": 3,
    "batch_size": 10,
    "optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.001}},
    "architecture": "deeper_net",
    "normalisation": "featurewise",
    "flip": True,
    "zoom": 0.2,
    "filters": [2, 3],
    "dense_units": [6],
    "block_dropout": [0.5],
    "dense_dropout": [0.25],
    "batch_norm": "before",
}


def variant(**changes: Any) -> dict[str, Any]:
    """Returns a resolved variant, of a network with every kind of layer, with changes."""
    return copy.deepcopy(VARIANT) | changes


def write_dataset(folder: Path, *, n: int = 40, size: int = 16) -> None:
    """Makes a folder as `prepare` does.

    Args:
        folder: to make.
        n: pictures of 3 classes; 3/5 train, 1/5 validate, 1/5 test.
        size: of the pictures, in pixels.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(n) % 3)
    images = rng.integers(0, 200, (n, size, size, 3)) + 25 * labels[:, None, None, None]
    np.save(folder / "images.npy", images.astype(np.uint8))
    np.save(folder / "labels.npy", labels.astype(np.int64))
    np.save(folder / "split.npy", np.resize([0, 0, 1, 0, 2], n).astype(np.uint8))
    write_json(folder / "class_names.json", ["ant", "bee", "cow"])
    manifest = {
        "dataset": "cifar100",
        "image_size": size,
        "sources": {"archive.tgz": {"kind": "official", "sha256": "0" * 64}},
        "sha256": hashes(folder, "*.npy"),
    }
    write_json(folder / "manifest.json", manifest)


def hashes(folder: Path, pattern: str = "*") -> dict[str, str]:
    """Returns the SHA-256 of a folder's files by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob(pattern))}


def write_json(path: Path, value: Any) -> None:
    """Writes a value as JSON, in a folder made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
