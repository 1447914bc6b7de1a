"""Runs a backbone over all images of a dataset once; resumes after the last whole batch.

Writes maps.npy (float16, a feature map per image), pooled.npy (float32, its average over height and width),
both in the order of the images, and manifest.json.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from stages.runtime import keras_import, locks, resolved
from stages.runtime.atomic import link, replacing, write_json
from stages.runtime.errors import run
from stages.runtime.hashes import check_files, file_hash

ARRAYS = ("maps.npy", "pooled.npy")
EXAMPLE = (
    "example: python -m stages.cache_features data/resolved/cache_features/cub200_resnet50.json"
    " data/cub200/images.npy data/backbones/resnet50/backbone.keras data/features/cub200_resnet50"
)


def main(argv: list[str] | None = None) -> None:
    """Makes one forward pass over all images and writes the features' folder."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.cache_features", description=__doc__, epilog=EXAMPLE
    )
    parser.add_argument("resolved", type=Path, help="what `resolve` wrote of the features")
    parser.add_argument("images", type=Path, help="images.npy that `prepare` wrote")
    parser.add_argument("backbone", type=Path, help="backbone.keras that `build_backbone` wrote")
    parser.add_argument("features", type=Path, help="the folder to make")
    arguments = parser.parse_args(argv)

    item = resolved.read(arguments.resolved, "cache_features")
    read = {path: _checked(path) for path in (arguments.images, arguments.backbone)}
    keras_import.load()
    from stages.training import backend, checkpoints

    threads = item.knobs["threads"]
    backend.configure(threads)
    inputs = [item.code, *read.values(), item.knobs, backend.environment(threads)]
    unfinished = checkpoints.FOLDER / "features" / arguments.features.name
    with locks.held(unfinished.with_suffix(".lock"), writing=arguments.features):
        shape = _extract(arguments, item.knobs["batch_size"], inputs, unfinished)
        with replacing(arguments.features) as out:
            out.mkdir()
            for name in ARRAYS:  # linked: if DVC is killed before it has recorded them, they are still there
                link(unfinished / name, out / name)
            hashes = {name: file_hash(out / name) for name in ARRAYS}
            manifest = {
                "images": len(np.load(out / ARRAYS[0], mmap_mode="r")),
                "map": shape,
                "backbone": arguments.backbone.as_posix(),
                "sha256": hashes | {arguments.backbone.name: read[arguments.backbone]},
            }
            write_json(out / "manifest.json", manifest)
    print(f"{arguments.features}: {manifest['images']} maps of {' x '.join(map(str, shape))}")


def _checked(path: Path) -> str:
    """Returns the SHA-256 of a file, which is the one its folder's manifest states."""
    manifest = json.loads(path.with_name("manifest.json").read_text(encoding="utf-8"))
    check_files(path.parent, {path.name: manifest["sha256"][path.name]})
    return manifest["sha256"][path.name]


def _extract(
    arguments: argparse.Namespace, batch_size: int, inputs: list, unfinished: Path
) -> tuple[int, ...]:
    """Loads and checks the backbone, then extracts into a folder; returns the shape of one map."""
    from stages.backbones import extractor, keras_file
    from stages.training import features

    backbone = keras_file.load(arguments.backbone)
    shape = extractor.check(backbone, np.load(arguments.images, mmap_mode="r").shape[1])
    features.extract(backbone, arguments.images, shape, unfinished, batch_size=batch_size, inputs=inputs)
    return shape


if __name__ == "__main__":
    run(main)
