"""The network of a training run, from a dataset's inputs to probabilities."""

from types import ModuleType
from typing import Any

import keras
import numpy as np

from stages.datasets.prepared import Dataset
from stages.networks.layers import scale_pixels
from stages.runtime.errors import InputError
from stages.training.settings import Settings

BLOCK = 1024  # images at a time, so that no copy of all of them is made


def from_images(network: ModuleType, knobs: dict[str, Any], data: Dataset, settings: Settings) -> keras.Model:
    """Builds a network that takes raw RGB in [0, 255], with scaling and normalisation inside.

    Args:
        network: a module of stages/networks.
        knobs: of the network.
        data: its shape, its classes and, for normalisation, its training images are used.
        settings: name, seed and normalisation are used.

    Raises:
        InputError: the network cannot be built for these images.
    """
    images = keras.Input(data.inputs.shape[1:], name="image")
    statistics = channel_statistics(data) if settings.normalisation == "featurewise" else None
    return _built(network, knobs, data, settings, images, scale_pixels(images, statistics))


def from_features(
    network: ModuleType, knobs: dict[str, Any], data: Dataset, settings: Settings
) -> keras.Model:
    """Builds a head that takes cached features, pooled or as maps.

    Raises:
        InputError: the head cannot be built for these features.
    """
    name = {"maps": "feature_map", "pooled": "pooled_features"}[network.LEARNS_FROM]
    features = keras.Input(data.inputs.shape[1:], name=name)
    return _built(network, knobs, data, settings, features, features)


def channel_statistics(data: Dataset) -> dict[str, list[float]]:
    """Returns mean and standard deviation per channel of the training images / 255 (report 2.1)."""
    rows, sums = data.rows("train"), np.zeros((2, data.inputs.shape[-1]))
    for start in range(0, len(rows), BLOCK):
        pixels = data.inputs[rows[start : start + BLOCK]].astype(np.int64)
        sums += pixels.sum(axis=(0, 1, 2)), (pixels**2).sum(axis=(0, 1, 2))
    mean, square = sums / (len(rows) * np.prod(data.inputs.shape[1:3])) / [[255], [255**2]]
    return {"mean": mean.tolist(), "std": np.sqrt(square - mean**2).tolist()}


def _built(
    network: ModuleType, knobs: dict[str, Any], data: Dataset, settings: Settings, inputs: Any, x: Any
) -> keras.Model:
    try:
        outputs = network.build(x, n_classes=len(data.class_names), seed=settings.seed, **knobs)
    except ValueError as error:
        (chosen,) = settings.network
        shape, reason = " x ".join(map(str, data.inputs.shape[1:])), str(error).splitlines()[0]
        raise InputError(
            f"variant {settings.name!r}: {chosen} cannot be built with {knobs} on {shape}: {reason}"
        ) from None
    return keras.Model(inputs, outputs, name=settings.name)
