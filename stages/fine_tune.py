"""Trains the seeds of a whole network on images, each from a seed of a trained end-to-end model."""

import argparse
import sys
from pathlib import Path

from stages.runtime import keras_import, resolved
from stages.runtime.errors import run


def main(argv: list[str] | None = None) -> None:
    """Reads a resolved fine-tune, images and the models it starts from, writes the trained models' folder."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.fine_tune",
        description=__doc__,
        epilog="example: python -m stages.fine_tune data/resolved/fine_tune/fine_tuned.json data/cub200"
        " models/frozen models/fine_tuned",
    )
    parser.add_argument("variant", type=Path, help="data/resolved/fine_tune/NAME.json, from `resolve`")
    parser.add_argument("data", type=Path, help="folder that `prepare` wrote")
    parser.add_argument("start", type=Path, help="folder of the models to start from")
    parser.add_argument("model", type=Path, help="folder to write")
    arguments = parser.parse_args(argv)

    variant = resolved.read(arguments.variant, "fine_tune")
    keras_import.load()
    from stages.datasets import prepared
    from stages.networks import views
    from stages.training import backend, fine_tuning, runs

    knobs = variant.knobs
    backend.configure(knobs["threads"], knobs.get("precision", "float32"))
    data = prepared.read(arguments.data)
    looks = views.views(**knobs.get("views", {}))

    def build(seed: int) -> runs.Network:
        model = fine_tuning.load(arguments.start, seed, knobs)
        whole = views.averaged(fine_tuning.enlarging(model, knobs.get("test_image_size", 0)), looks)
        return runs.Network(trained=model, saved=whole, measured=whole)

    command = {"stage": "stages.fine_tune", "arguments": argv or sys.argv[1:]}
    start = {"start": lambda seed: fine_tuning.record(arguments.start, seed)}
    runs.run(runs.Variant(variant, data, arguments.data.name, build, **command, **start), arguments.model)


if __name__ == "__main__":
    run(main)
