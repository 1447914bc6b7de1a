"""Extracts ResNet50 features once: python -m stages.cache_features CODE.json IMAGES BACKBONE FEATURES.

Writes maps.npy (float16, one feature map per image) and pooled.npy (float32, its average over height
and width), in the order of the images, and manifest.json. A killed run goes on after its last whole batch.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from stages import locks, parameters
from stages.atomic import link, replacing, write_json
from stages.errors import run
from stages.hashes import check_files, file_hash
from stages.networks import resnet50
from stages.training import backend, checkpoints, features

ARRAYS = ("maps.npy", "pooled.npy")


def main() -> None:
    """Makes one forward pass over all images and writes the features' folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("code", type=Path, help="fingerprint of this stage's code, which `resolve` wrote")
    parser.add_argument("images", type=Path, help="images.npy that `prepare` made")
    parser.add_argument("backbone", type=Path, help="backbone.keras")
    parser.add_argument("features", type=Path, help="folder to write")
    arguments = parser.parse_args()

    knobs = parameters.load(Path("params.yaml"))["features"]
    backend.configure(knobs["threads"])
    unfinished = checkpoints.FOLDER / arguments.features.parent.name / arguments.features.name
    with locks.held(unfinished.with_suffix(".lock")):
        shape = _extract(arguments, knobs, unfinished)
        with replacing(arguments.features) as partial:
            partial.mkdir()
            n = len(np.load(unfinished / ARRAYS[0], mmap_mode="r"))
            hashes = {name: file_hash(unfinished / name) for name in ARRAYS}
            for name in ARRAYS:  # linked: if DVC is killed before it has recorded them, they are still there
                link(unfinished / name, partial / name)
            write_json(partial / "manifest.json", {"images": n, "map": shape, "sha256": hashes})
    print(f"features: maps of {' x '.join(map(str, shape))} in {arguments.features}")


def _extract(arguments: argparse.Namespace, knobs: dict[str, Any], unfinished: Path) -> tuple[int, ...]:
    """Checks images and backbone and extracts into a folder; returns the shape of one map."""
    manifest = json.loads((arguments.images.parent / "manifest.json").read_text(encoding="utf-8"))
    check_files(arguments.images.parent, {arguments.images.name: manifest["sha256"][arguments.images.name]})
    backbone = resnet50.from_model_file(arguments.backbone)
    shape = resnet50.check(backbone, manifest["image_size"])
    files = (arguments.code, arguments.images, arguments.backbone)
    inputs = [*map(file_hash, files), knobs, backend.environment(knobs["threads"])]
    features.extract(
        backbone, arguments.images, shape, unfinished, batch_size=knobs["batch_size"], inputs=inputs
    )
    return shape


if __name__ == "__main__":
    run(main)
