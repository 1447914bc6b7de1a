"""Extracts ResNet50 features once: python -m stages.cache_features CODE.json IMAGES BACKBONE FEATURES.

Writes maps.npy (float16, one feature map per image) and pooled.npy (float32, its average over height
and width), in the order of the images. A killed run goes on after its last whole batch.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np

from stages import parameters
from stages.atomic import replacing
from stages.datasets.hashes import file_hash
from stages.errors import run
from stages.networks import resnet50
from stages.training import backend, features

UNFINISHED = Path(".checkpoints", "features")  # outside DVC's outs, which it deletes before a stage runs


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
    backbone = resnet50.from_model_file(arguments.backbone)
    shape = resnet50.check(backbone, np.load(arguments.images, mmap_mode="r").shape[1])
    files = (arguments.code, arguments.images, arguments.backbone)
    features.extract(
        backbone,
        arguments.images,
        shape,
        UNFINISHED,
        batch_size=knobs["batch_size"],
        inputs=[*map(file_hash, files), knobs, backend.versions()],
    )
    with replacing(arguments.features) as partial:
        shutil.move(UNFINISHED, partial)
        (partial / "done.json").unlink()
    print(f"features: maps of {' x '.join(map(str, shape))} in {arguments.features}")


if __name__ == "__main__":
    run(main)
