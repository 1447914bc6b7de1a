"""Goes on training a whole network on pictures.

python -m stages.fine_tune VARIANT.json DATA_FOLDER BACKBONE_FOLDER START_MODEL_FOLDER MODEL_FOLDER
"""

import argparse
import json
from pathlib import Path

import pandas as pd

from stages.errors import run
from stages.hashes import check_files
from stages.networks import resnet50
from stages.training import backend, examples, fine_tuning, runs


def main() -> None:
    """Reads a resolved variant, pictures and a trained end-to-end model, writes the model's folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", type=Path, help="data/variants/NAME.json")
    parser.add_argument("data", type=Path, help="folder that `prepare` made")
    parser.add_argument("backbone", type=Path, help="folder that `build_backbone` made, for its provenance")
    parser.add_argument("start", type=Path, help="folder of the model to start from")
    parser.add_argument("model", type=Path, help="folder to write")
    arguments = parser.parse_args()

    variant = json.loads(arguments.variant.read_text(encoding="utf-8"))
    backend.configure(variant["threads"])
    data = examples.load(arguments.data, backbone=arguments.backbone)
    start = json.loads((arguments.start / "run.json").read_text(encoding="utf-8"))
    check_files(arguments.start, start["sha256"])
    model = resnet50.from_model_file(arguments.start / "model.keras")
    fine_tuning.unfreeze(model, variant["unfreeze"])
    epochs_before = int(pd.read_csv(arguments.start / "history.csv")["epoch"].iloc[-1])
    runs.run(model, data, variant, arguments.model, first_epoch=epochs_before + 1)


if __name__ == "__main__":
    run(main)
