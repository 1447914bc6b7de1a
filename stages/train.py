"""Trains the seeds of one network from scratch on images."""

import argparse
import sys
from pathlib import Path

from stages.runtime import keras_import, resolved
from stages.runtime.errors import run


def main(argv: list[str] | None = None) -> None:
    """Reads a resolved variant and a prepared dataset, writes the trained models' folder."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.train",
        description=__doc__,
        epilog="example: python -m stages.train data/resolved/train/final.json data/cifar100 models/final",
    )
    parser.add_argument("variant", type=Path, help="data/resolved/train/NAME.json, which `resolve` wrote")
    parser.add_argument("data", type=Path, help="folder that `prepare` wrote")
    parser.add_argument("model", type=Path, help="folder to write")
    arguments = parser.parse_args(argv)

    variant = resolved.read(arguments.variant, "train")
    keras_import.load()
    from stages.datasets import prepared
    from stages.networks import views
    from stages.training import backend, building, runs

    knobs = variant.knobs
    backend.configure(knobs["threads"], knobs.get("precision", "float32"))
    data = prepared.read(arguments.data)
    looks = views.views(**knobs.get("views", {}))

    def build(seed: int) -> runs.Network:
        model = building.from_images(data, knobs, seed)
        whole = views.averaged(model, looks)
        return runs.Network(trained=model, saved=whole, measured=whole)

    command = {"stage": "stages.train", "arguments": argv or sys.argv[1:]}
    runs.run(runs.Variant(variant, data, arguments.data.name, build, **command), arguments.model)


if __name__ == "__main__":
    run(main)
