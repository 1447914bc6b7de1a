"""Runs a backbone over all images of a dataset once; resumes after the last whole batch.

Writes what the entry of `features` asks for, in the order of the images: maps.npy (float16, a feature map per
image and view), pooled.npy (float32, the maps pooled and side by side); and manifest.json, which says how to
join a head to its backbone.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from stages.runtime import keras_import, locks, resolved, store
from stages.runtime.atomic import link, replacing, write_json
from stages.runtime.errors import InputError, run
from stages.runtime.hashes import check_files, file_hash

NEUTRAL = {"layers": [], "pooling": ["average"], "maps": True, "views": {}}
EXAMPLE = (
    "example: python -m stages.cache_features data/resolved/cache_features/cub200_resnet50.json"
    " data/images/cub200/224.npy data/backbones/resnet50/backbone.keras data/features/cub200_resnet50"
)


def main(argv: list[str] | None = None) -> None:
    """Makes a forward pass over all images for each view and writes the features' folder."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.cache_features", description=__doc__, epilog=EXAMPLE
    )
    parser.add_argument("resolved", type=Path, help="what `resolve` wrote about the features")
    parser.add_argument("images", type=Path, help="SIZE.npy that `prepare` wrote")
    parser.add_argument("backbone", type=Path, help="backbone.keras that `build_backbone` wrote")
    parser.add_argument("features", type=Path, help="the folder to make")
    arguments = parser.parse_args(argv)

    item = resolved.read(arguments.resolved, "cache_features")
    knobs = NEUTRAL | item.knobs
    _check_knobs(knobs)
    store.free(store.FOLDER / "features", ["cache_features"])
    read = {path: _checked(path) for path in (arguments.images, arguments.backbone)}
    keras_import.load()
    from stages.training import backend

    threads = knobs["threads"]
    backend.configure(threads)
    inputs = [item.code, *read.values(), item.knobs, backend.environment(threads)]
    unfinished = store.FOLDER / "features" / arguments.features.name
    with locks.held(unfinished.with_suffix(".lock"), writing=arguments.features):
        shapes = _extract(arguments, knobs, inputs, unfinished)
        with replacing(arguments.features) as out:
            out.mkdir()
            for name in shapes:  # linked: if DVC is killed before it has recorded them, they are still there
                link(unfinished / f"{name}.npy", out / f"{name}.npy")
            hashes = {path.name: file_hash(path) for path in sorted(out.iterdir())}
            size, n = _size(arguments.images)
            manifest = {knob: knobs[knob] for knob in ("layers", "pooling", "views")} | {
                "images": n,
                "image_size": size,
                "shapes": shapes,
                "backbone": arguments.backbone.as_posix(),
                "sha256": hashes | {arguments.backbone.name: read[arguments.backbone]},
            }
            write_json(out / "manifest.json", manifest)
    found = ", ".join(f"{name} of {' x '.join(map(str, shape))}" for name, shape in shapes.items())
    print(f"{arguments.features}: {n} images, {found}")


def _check_knobs(knobs: dict[str, Any]) -> None:
    """Refuses knobs that ask for nothing, or for maps that no head could take."""
    if not knobs["maps"] and not knobs["pooling"]:
        raise InputError("features: received maps: false, pooling: [], expected one of them; set `pooling`")
    if knobs["maps"] and len(knobs["layers"]) > 1:
        raise InputError(
            f"features: received maps: true and {len(knobs['layers'])} layers, expected one layer, as maps of"
            " several cannot be joined; set maps: false, or name one layer"
        )


def _checked(path: Path) -> str:
    """Returns the SHA-256 of a file, after checking that its folder's manifest states the same."""
    manifest = json.loads(path.with_name("manifest.json").read_text(encoding="utf-8"))
    check_files(path.parent, {path.name: manifest["sha256"][path.name]})
    return manifest["sha256"][path.name]


def _size(images: Path) -> tuple[int, int]:
    """Returns height and width of the images in a file, and how many there are."""
    array = np.load(images, mmap_mode="r")
    return array.shape[1], len(array)


def _extract(
    arguments: argparse.Namespace, knobs: dict[str, Any], inputs: list, unfinished: Path
) -> dict[str, list[int]]:
    """Loads and checks the backbone, then extracts into a folder; returns each array's shape per image."""
    import keras

    from stages.backbones import keras_file
    from stages.features import extraction, pooled_maps, requirements
    from stages.networks import views
    from stages.training import backend

    backbone, layers = keras_file.load(arguments.backbone), knobs["layers"]
    size, _ = _size(arguments.images)
    looks = views.views(**knobs["views"])
    requirements.check(backbone, size, layers, looks)
    wanted = {"maps": pooled_maps.maps(backbone, layers)[0]} if knobs["maps"] else {}
    if knobs["pooling"]:
        wanted["pooled"] = pooled_maps.pooled(backbone, layers, knobs["pooling"])
    model = keras.Model(backbone.inputs[0], wanted)
    model.compile(jit_compile=backend.jit_compile())
    return extraction.extract(
        model, arguments.images, unfinished, batch_size=knobs["batch_size"], looks=looks, inputs=inputs
    )


if __name__ == "__main__":
    run(main)
