"""Trains a classifier on cached features."""

import argparse
import json
from pathlib import Path
from typing import Any

from stages.runtime import keras_import, resolved
from stages.runtime.errors import run
from stages.runtime.hashes import check_files
from stages.runtime.modules import find


def main(argv: list[str] | None = None) -> None:
    """Reads a resolved head and the features of a dataset, writes the trained model's folder."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.train_head",
        description=__doc__,
        epilog="example: python -m stages.train_head data/resolved/train_head/mlp_head.json"
        " data/splits/cub200_resnet50 data/features/cub200_resnet50 models/mlp_head",
    )
    parser.add_argument("head", type=Path, help="data/resolved/train_head/NAME.json, which `resolve` wrote")
    parser.add_argument("data", type=Path, help="folder that `label_features` wrote")
    parser.add_argument("features", type=Path, help="folder that `cache_features` wrote")
    parser.add_argument("model", type=Path, help="folder to write")
    arguments = parser.parse_args(argv)

    head = resolved.read(arguments.head, "train_head")
    keras_import.load()
    from stages.datasets import prepared
    from stages.training import backend, building, runs, settings

    chosen = settings.from_knobs(head.knobs)
    backend.configure(chosen.threads, chosen.precision)
    ((name, knobs),) = chosen.network.items()
    network = find("networks", name)
    data = prepared.read(arguments.data, arguments.features / f"{network.LEARNS_FROM}.npy")
    model = building.from_features(network, knobs, data, chosen)
    saved = end_to_end(arguments.features, model) if chosen.end_to_end else model
    runs.run(model, data, head, arguments.model, dataset=arguments.data.name, saved=saved)


def end_to_end(features: Path, head: Any) -> Any:
    """Returns the head joined to its features' backbone: a model from images to probabilities."""
    from stages.backbones import extractor, keras_file

    manifest = json.loads((features / "manifest.json").read_text(encoding="utf-8"))
    backbone = Path(manifest["backbone"])
    check_files(backbone.parent, {backbone.name: manifest["sha256"][backbone.name]})
    return extractor.end_to_end(keras_file.load(backbone), head)


if __name__ == "__main__":
    run(main)
