"""Trained variants for tests of what uses them: no training, weights that tell colours apart."""

from pathlib import Path

import keras
import numpy as np

from stages.results import run_folder
from stages.runtime.atomic import write_json
from stages.runtime.hashes import file_hash
from stages.training.saving import save_model

NAMES = ["red", "green", "blue"]


def mean_colour(size, *layers):
    """A network whose most probable class is the colour of an image."""
    x = inputs = keras.Input((size, size, 3))
    for layer in (keras.layers.Normalization(mean=127.5, variance=50.0**2), *layers):
        x = layer(x)
    return keras.Model(inputs, x)


def write_variant(name, model, dataset, inputs):
    split = (np.full((2, 3), 1 / 3), np.array([0, 1]))
    run_folder.write(
        Path("models", name),
        save_model=lambda path: save_model(model, path, {"class_names": NAMES}),
        card="",
        history=[{"epoch": 1}],
        predictions={"validation": split, "test": split},
        class_names=NAMES,
        record={"dataset": dataset, "inputs": inputs},
    )


def write_project():
    """Writes a network `net`, and a head `head` on the features of a backbone for any size of image."""
    pool = keras.layers.GlobalAveragePooling2D()
    write_variant("net", mean_colour(8, pool, keras.layers.Softmax()), "cifar100", {})

    features = Path("data/features/pets")
    backbone = features / "backbone.keras"
    features.mkdir(parents=True)
    save_model(mean_colour(None, keras.layers.AveragePooling2D(2)), backbone)
    hashes = {"backbone.keras": file_hash(backbone), "pooled.npy": "of the features"}
    write_json(features / "manifest.json", {"backbone": backbone.as_posix(), "sha256": hashes})
    write_json(Path("data/splits/pets/manifest.json"), {"image_size": 8})
    inputs = keras.Input((3,))
    head = keras.Model(inputs, keras.layers.Softmax()(inputs))
    write_variant("head", head, "pets", {"pooled.npy": "of the features", "labels.npy": "other"})
