"""Trained variants for tests of what uses them: no training, weights that tell colours apart."""

from pathlib import Path

import keras
import numpy as np

from stages.runtime.atomic import write_json
from stages.runtime.hashes import file_hash
from stages.training import run_writer
from stages.training.saving import save_model

NAMES = ["red", "green", "blue"]


def mean_colour(size, *layers, sharpness=50.0):
    """A network whose most probable class is the colour of an image."""
    x = inputs = keras.Input((size, size, 3), name="image")
    for layer in (keras.layers.Normalization(mean=127.5, variance=sharpness**2, name="pixels"), *layers):
        x = layer(x)
    return keras.Model(inputs, x, name="colours")


def write_seed(name, model, dataset="cifar100", inputs=None, *, seed=0, **about):
    split = (np.full((2, 3), 1 / 3), np.array([0, 1]))
    about = {"class_names": NAMES, "image_size": 8, "resize": "squash"} | about
    run_writer.write(
        Path("models", name, f"seed-{seed}"),
        save_model=lambda path: save_model(model, path, about),
        history=[{"epoch": 1}],
        predictions={"validation": split, "test": split},
        class_names=NAMES,
        record={"dataset": dataset, "inputs": inputs or {}},
    )


def write_net(name="net", **about):
    """Writes a network for images of 8x8."""
    pool = keras.layers.GlobalAveragePooling2D(name="pool")
    softmax = keras.layers.Softmax(dtype="float32", name="probabilities")
    write_seed(name, mean_colour(8, pool, softmax), **about)


def write_project():
    """Writes a network `net`, and a head `head` on the features of a backbone for any size of image."""
    write_net()
    features = Path("data/features/pets")
    backbone = features / "backbone.keras"
    features.mkdir(parents=True)
    save_model(mean_colour(None, keras.layers.AveragePooling2D(2, name="maps")), backbone)
    hashes = {"backbone.keras": file_hash(backbone), "pooled.npy": "of the features"}
    made = {"layers": [], "pooling": ["average"], "views": {}}
    write_json(features / "manifest.json", made | {"backbone": backbone.as_posix(), "sha256": hashes})
    inputs = keras.Input((3,), name="pooled_features")
    head = keras.Model(inputs, keras.layers.Softmax(name="probabilities")(inputs), name="head")
    write_seed("head", head, "pets", {"pooled.npy": "of the features", "labels.npy": "other"})
