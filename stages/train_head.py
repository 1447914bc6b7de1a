"""Trains the seeds of a classifier on cached features."""

import argparse
import sys
from pathlib import Path

from stages.runtime import keras_import, resolved
from stages.runtime.errors import run
from stages.runtime.modules import find


def main(argv: list[str] | None = None) -> None:
    """Reads a resolved head and the features of a dataset, writes the trained models' folder."""
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
    from stages.features.joining import end_to_end
    from stages.training import backend, building, runs

    knobs = head.knobs
    backend.configure(knobs["threads"], knobs.get("precision", "float32"))
    (network,) = knobs["network"]
    learns_from = find("networks", network).LEARNS_FROM
    data = prepared.read(arguments.data, arguments.features / f"{learns_from}.npy")

    def build(seed: int) -> runs.Network:
        model = building.from_features(data, knobs, seed)
        saved = end_to_end(arguments.features, model) if knobs.get("end_to_end") else model
        return runs.Network(trained=model, saved=saved, measured=model)

    command = {"stage": "stages.train_head", "arguments": argv or sys.argv[1:]}
    variant = runs.Variant(head, data, arguments.data.name, build, **command, has_views=True)
    runs.run(variant, arguments.model)


if __name__ == "__main__":
    run(main)
