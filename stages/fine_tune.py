"""Trains a whole network on images, continuing from a trained end-to-end model."""

import argparse
from pathlib import Path

from stages.runtime import keras_import, resolved
from stages.runtime.errors import run


def main(argv: list[str] | None = None) -> None:
    """Reads a resolved fine-tune, images and the model it starts from, writes the trained model's folder."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.fine_tune",
        description=__doc__,
        epilog="example: python -m stages.fine_tune data/resolved/fine_tune/fine_tuned.json data/cub200"
        " models/frozen models/fine_tuned",
    )
    parser.add_argument("variant", type=Path, help="data/resolved/fine_tune/NAME.json, from `resolve`")
    parser.add_argument("data", type=Path, help="folder that `prepare` wrote")
    parser.add_argument("start", type=Path, help="folder of the model to start from")
    parser.add_argument("model", type=Path, help="folder to write")
    arguments = parser.parse_args(argv)

    variant = resolved.read(arguments.variant, "fine_tune")
    keras_import.load()
    from stages.backbones import keras_file
    from stages.datasets import prepared
    from stages.results import run_folder
    from stages.training import backend, fine_tuning, runs, settings

    chosen = settings.from_knobs(variant.knobs)
    backend.configure(chosen.threads, chosen.precision)
    data = prepared.read(arguments.data)
    start = run_folder.read(arguments.start)
    model = keras_file.load(arguments.start / "model.keras")
    fine_tuning.unfreeze(model, chosen.unfreeze)
    epochs_before = int(start.history["epoch"].iloc[-1])
    runs.run(
        model, data, variant, arguments.model, dataset=arguments.data.name, first_epoch=epochs_before + 1
    )


if __name__ == "__main__":
    run(main)
