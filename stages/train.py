"""Trains one network from scratch: python -m stages.train VARIANT.json DATA_FOLDER MODEL_FOLDER."""

import argparse
import json
from pathlib import Path

from stages.errors import run
from stages.networks.architectures import NETWORKS
from stages.training import backend, examples, runs


def main() -> None:
    """Reads a resolved variant and a prepared dataset, writes the trained model's folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", type=Path, help="data/variants/NAME.json")
    parser.add_argument("data", type=Path, help="folder that `prepare` made")
    parser.add_argument("model", type=Path, help="folder to write")
    arguments = parser.parse_args()

    variant = json.loads(arguments.variant.read_text(encoding="utf-8"))
    backend.configure(variant["threads"])
    data = examples.load(arguments.data)
    is_normalised = variant["normalisation"] == "featurewise"
    model = NETWORKS[variant["architecture"]].build(
        variant,
        data.inputs.shape[1:],
        len(data.class_names),
        examples.channel_statistics(data) if is_normalised else None,
    )
    runs.run(model, data, variant, arguments.model)


if __name__ == "__main__":
    run(main)
