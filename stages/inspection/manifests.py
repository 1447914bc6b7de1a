"""Prepared data sets and features: sizes, types and values against their manifests."""

from pathlib import Path
from typing import Any

import numpy as np

from stages.inspection.provenance import FOLDER, listed
from stages.inspection.records import array, read, shape_problem
from stages.inspection.workspaces import Workspace
from stages.sets import SETS
from stages.sources import PROVENANCE, provenance


def dataset_problem(workspace: Workspace, dataset: str) -> str | None:
    """Compares a data set with its manifest, and that with the archives it was made of."""
    folder = Path("data", dataset)
    manifest = read(workspace.root / folder / "manifest.json")
    if manifest["sources"] != read(workspace.root / FOLDER / dataset / PROVENANCE):
        return f"names other sources than {FOLDER / dataset / PROVENANCE}"
    if manifest["provenance"] != provenance(manifest["sources"]):
        return f"says {manifest['provenance']!r}, its sources are {provenance(manifest['sources'])!r}"
    return hashes_problem(workspace, folder, manifest["sha256"]) or _content_problem(
        workspace.root / folder, manifest
    )


def features_problem(workspace: Workspace, folder: Path, images: Path) -> str | None:
    """Compares features with their manifest and with the number of images they are of."""
    manifest = read(workspace.root / folder / "manifest.json")
    n = len(array(workspace.root / images))
    if manifest["images"] != n:
        return f"is of {manifest['images']} images, {images} holds {n}"
    problem = (
        hashes_problem(workspace, folder, manifest["sha256"])
        or shape_problem(workspace.root / folder / "maps.npy", "float16", (n, *manifest["map"]))
        or shape_problem(workspace.root / folder / "pooled.npy", "float32", (n, manifest["map"][-1]))
    )
    if not problem and not np.isfinite(array(workspace.root / folder / "pooled.npy")).all():
        problem = "holds features that are no finite numbers"
    return problem


def hashes_problem(workspace: Workspace, folder: Path, hashes: dict[str, str]) -> str | None:
    """Compares the files of a folder, but its JSON, with the SHA-256 that the stage that wrote them noted."""
    there = {name for name in workspace.files(folder) if not name.endswith(".json")}
    if there != set(hashes):
        return f"holds {listed(there)}, its stage noted the hashes of {listed(hashes)}"
    for name, expected in hashes.items():
        received = workspace.hash(folder / name)
        if received != expected:
            return f"holds {name} of sha256 {received[:12]}..., its stage noted {expected[:12]}..."
    return None


def _content_problem(folder: Path, manifest: dict[str, Any]) -> str | None:
    counts, size, names = manifest["counts"], manifest["image_size"], read(folder / "class_names.json")
    n, n_classes = sum(counts[name] for name in SETS), counts["classes"]
    if len(set(names)) != n_classes:
        return f"holds {len(set(names))} class names, its manifest says {n_classes}"
    problem = (
        shape_problem(folder / "images.npy", "uint8", (n, size, size, 3))
        or shape_problem(folder / "labels.npy", "int64", (n,))
        or shape_problem(folder / "split.npy", "uint8", (n,))
    )
    if problem:
        return problem
    labels, split = array(folder / "labels.npy"), array(folder / "split.npy")
    if labels.min() < 0 or labels.max() >= n_classes:
        return f"holds labels from {labels.min()} to {labels.max()}, expected 0 to {n_classes - 1}"
    found = dict(zip(SETS, np.bincount(split, minlength=len(SETS)).tolist(), strict=False))
    expected = {name: counts[name] for name in SETS}
    if found != expected or split.max() >= len(SETS):
        return f"holds sets of {found} and numbers to {split.max()}, its manifest says {expected}"
    return None
