"""Exports a trained variant as ONNX, from images to probabilities, and checks it against the original."""

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from stages.runtime import keras_import
from stages.runtime.atomic import replacing
from stages.runtime.errors import InputError, printable, run

TOLERANCE = 1e-4  # of a probability; other kernels round differently
EXAMPLE = """example: uv run --extra onnx python -m stages.export final.onnx --variant final

The file takes RGB images in [0, 255], float32[n, size, size, 3], and has as metadata the class names, the
variant and how images become squares. It holds all that its predictions were measured with: the backbone of
a head, the views that are averaged.
"""


def main(argv: list[str] | None = None) -> None:
    """Writes the ONNX file, once ONNX Runtime has computed the same as Keras from it."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.export",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="the file to write, such as final.onnx")
    parser.add_argument("--variant", help="a trained one, such as final; default: the only one in models/")
    parser.add_argument("--ensemble", action="store_true", help="average all its seeds, not just the first")
    arguments = parser.parse_args(argv)

    keras_import.load()
    from stages.backbones import precision
    from stages.classifiers import trained

    try:
        from stages.classifiers import onnx_file
    except ModuleNotFoundError as error:
        raise InputError(f"{error.name} is not installed; `uv sync --extra onnx` installs it") from None

    variant = trained.choose(arguments.variant)
    classifier = trained.load(variant, ensemble=arguments.ensemble)
    # ONNX Runtime computes no mixed precision; the weights are float32 in any case
    classifier = dataclasses.replace(classifier, model=precision.under(classifier.model, "float32"))
    shape = (4, classifier.size, classifier.size, 3)
    images = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    expected = classifier.probabilities(images)  # a model that has never been called cannot be exported
    with replacing(arguments.file) as partial:
        onnx_file.write(classifier, partial, {"variant": variant, "resize": classifier.resize})
        difference = float(np.abs(onnx_file.probabilities(partial, images) - expected).max())
        if difference > TOLERANCE:
            raise InputError(
                f"ONNX Runtime gives other probabilities than Keras, by up to {difference:.2g},"
                f" expected at most {TOLERANCE}; nothing was written"
            )
    print(f"{printable(str(arguments.file))}: {variant}, probabilities as Keras', within {difference:.1g}")


if __name__ == "__main__":
    run(main)
