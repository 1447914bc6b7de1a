"""Trains one network from scratch on images."""

import argparse
from pathlib import Path

from stages.runtime import keras_import, resolved
from stages.runtime.errors import run
from stages.runtime.modules import find


def main(argv: list[str] | None = None) -> None:
    """Reads a resolved variant and a prepared dataset, writes the trained model's folder."""
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
    from stages.training import backend, building, runs, settings

    chosen = settings.from_knobs(variant.knobs)
    backend.configure(chosen.threads, chosen.precision)
    data = prepared.read(arguments.data)
    ((network, knobs),) = chosen.network.items()
    model = building.from_images(find("networks", network), knobs, data, chosen)
    runs.run(model, data, variant, arguments.model, dataset=arguments.data.name)


if __name__ == "__main__":
    run(main)
