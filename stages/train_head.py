"""Trains a classifier on cached features.

python -m stages.train_head VARIANT.json DATA_FOLDER BACKBONE_FOLDER FEATURES_FOLDER MODEL_FOLDER
"""

import argparse
import json
from pathlib import Path

import keras

from stages.errors import run
from stages.networks import resnet50
from stages.networks.architectures import HEADS
from stages.training import backend, examples, runs


def main() -> None:
    """Reads a resolved variant and the features of a dataset, writes the trained model's folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant", type=Path, help="data/variants/NAME.json")
    parser.add_argument("data", type=Path, help="folder that `prepare` made")
    parser.add_argument("backbone", type=Path, help="folder that `build_backbone` made")
    parser.add_argument("features", type=Path, help="folder that `cache_features` made")
    parser.add_argument("model", type=Path, help="folder to write")
    arguments = parser.parse_args()

    variant = json.loads(arguments.variant.read_text(encoding="utf-8"))
    backend.configure(variant["threads"])
    head = HEADS[variant["architecture"]]
    data = examples.load(arguments.data, arguments.features / f"{head.FEATURES}.npy", arguments.backbone)
    model = head.build(variant, data.inputs.shape[1:], len(data.class_names))
    saved = model
    if variant["end_to_end"]:
        saved = end_to_end(resnet50.from_model_file(arguments.backbone / "backbone.keras"), model)
    runs.run(model, data, variant, arguments.model, saved=saved)


def end_to_end(backbone: keras.Model, head: keras.Model) -> keras.Model:
    """Joins a backbone and a head for pooled features to one model from pictures to probabilities.

    Args:
        backbone: from RGB in [0, 255] to feature maps; it is frozen, as in the report's 3.2.
        head: layers in a row, from pooled features to probabilities, float32[n, number of classes].
    """
    for layer in backbone.layers:
        layer.trainable = False
    x = keras.layers.GlobalAveragePooling2D(name="pooled_features")(backbone.outputs[0])
    for layer in head.layers[1:]:
        x = layer(x)
    return keras.Model(backbone.inputs[0], x, name=head.name)


if __name__ == "__main__":
    run(main)
