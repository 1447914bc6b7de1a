"""The network of a training run, from a dataset's inputs to probabilities."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from stages.datasets.prepared import Dataset
from stages.networks.layers import scale_pixels
from stages.runtime.errors import InputError
from stages.runtime.modules import find

BLOCK = 1024  # images at a time, so that no copy of all of them is made


def from_images(data: Dataset, knobs: Mapping[str, Any], seed: int) -> keras.Model:
    """Builds a network that takes raw RGB in [0, 255], with scaling and normalisation inside.

    Args:
        data: of which the shape, the classes and, for normalisation, the training images are used.
        knobs: of the variant: name, network and normalisation are used.
        seed: of the initial weights.

    Raises:
        InputError: the network cannot be built for these images.
    """
    images = keras.Input(data.inputs.shape[1:], name="image")
    statistics = channel_statistics(data) if knobs.get("normalisation") == "featurewise" else None
    return _built(data, knobs, seed, images, scale_pixels(images, statistics))


def from_features(data: Dataset, knobs: Mapping[str, Any], seed: int) -> keras.Model:
    """Builds a head that takes one view of cached features, pooled or as maps.

    Args:
        data: features float[n, views, ...].
        knobs: of the head: name, network and feature_steps are used.
        seed: of the initial weights.

    Raises:
        InputError: the head cannot be built for these features.
    """
    ((network, _),) = knobs["network"].items()
    name = {"maps": "feature_map", "pooled": "pooled_features"}[find("networks", network).LEARNS_FROM]
    x = features = keras.Input(data.inputs.shape[2:], name=name)
    for step in knobs.get("feature_steps", ()):
        module = find("feature_steps", step)
        seen = _training_features(data, features, x) if getattr(module, "NEEDS_FEATURES", False) else None
        x = module.add(x, seen)
    return _built(data, knobs, seed, features, x)


def channel_statistics(data: Dataset) -> dict[str, list[float]]:
    """Returns mean and standard deviation per channel of the training images / 255 (report 2.1)."""
    rows, sums = data.rows("train"), np.zeros((2, data.inputs.shape[-1]))
    for start in range(0, len(rows), BLOCK):
        pixels = data.inputs[rows[start : start + BLOCK]].astype(np.int64)
        sums += pixels.sum(axis=(0, 1, 2)), (pixels**2).sum(axis=(0, 1, 2))
    mean, square = sums / (len(rows) * np.prod(data.inputs.shape[1:3])) / [[255], [255**2]]
    return {"mean": mean.tolist(), "std": np.sqrt(square - mean**2).tolist()}


def _training_features(data: Dataset, features: Any, x: Any) -> np.ndarray:
    """Returns the training features, all views one below another, after the steps up to x: float32[m, c]."""
    rows = data.inputs[data.rows("train")]
    flat = np.asarray(rows, np.float32).reshape(-1, *rows.shape[2:])
    if x is features:
        return flat
    return np.asarray(keras.Model(features, x).predict(flat, batch_size=BLOCK, verbose=0), np.float32)


def _built(data: Dataset, knobs: Mapping[str, Any], seed: int, inputs: Any, x: Any) -> keras.Model:
    ((network, taken),) = knobs["network"].items()
    try:
        outputs = find("networks", network).build(x, n_classes=len(data.class_names), seed=seed, **taken)
    except ValueError as error:
        shape, reason = " x ".join(map(str, inputs.shape[1:])), str(error).splitlines()[0]
        name = knobs["name"]
        raise InputError(
            f"variant {name!r}: {network} cannot be built with {taken} on {shape}: {reason}"
        ) from None
    return keras.Model(inputs, outputs, name=knobs["name"])
