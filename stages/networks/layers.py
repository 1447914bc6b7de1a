"""The few layers that every network here is made of, named by their place."""

from typing import Any

import keras

from stages.networks.seeds import layer_seed


def raw_pixels(x: Any, statistics: dict[str, list[float]] | None) -> Any:
    """Brings raw RGB in [0, 255] to the range the network trains in (report 1.1 and 2.1).

    Args:
        x: images, float32[n, height, width, 3] in [0, 255].
        statistics: `mean` and `deviation` per channel of the training images / 255; None leaves
            pixels in [0, 1].

    Returns:
        float32[n, height, width, 3] in [0, 1], or with mean 0 and deviation 1 per channel.
    """
    x = keras.layers.Rescaling(1 / 255, name="pixels")(x)
    if statistics is None:
        return x
    variance = [deviation**2 for deviation in statistics["deviation"]]
    return keras.layers.Normalization(mean=statistics["mean"], variance=variance, name="normalisation")(x)


def convolution(x: Any, filters: int, kernel_size: int, *, name: str, seed: int) -> Any:
    """Convolves without padding; Glorot-uniform weights from the layer's own seed, biases zero."""
    initializer = keras.initializers.GlorotUniform(seed=layer_seed(seed, name))
    return keras.layers.Conv2D(filters, kernel_size, kernel_initializer=initializer, name=name)(x)


def dense(x: Any, units: int, *, name: str, seed: int) -> Any:
    """Connects densely; Glorot-uniform weights from the layer's own seed, biases zero."""
    initializer = keras.initializers.GlorotUniform(seed=layer_seed(seed, name))
    return keras.layers.Dense(units, kernel_initializer=initializer, name=name)(x)


def relu(x: Any, *, name: str, batch_norm: str) -> Any:
    """Applies relu, with batch normalisation before or after it, or none (report 2.6).

    Args:
        x: any float32 tensor, channels last.
        name: of the layer it follows; the layers here are called `<name>_relu` and `<name>_bn`.
        batch_norm: none, before or after.
    """
    if batch_norm == "before":
        x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    x = keras.layers.Activation("relu", name=f"{name}_relu")(x)
    if batch_norm == "after":
        x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    return x


def dropout(x: Any, rate: float, *, name: str, seed: int) -> Any:
    """Drops units at `rate` in [0, 1) while training; a rate of 0 adds no layer."""
    if rate == 0:
        return x
    return keras.layers.Dropout(rate, seed=layer_seed(seed, name), name=name)(x)


def classifier(x: Any, variant: dict[str, Any], n_classes: int) -> Any:
    """Adds the dense layers, each with relu and dropout, and the softmax over the classes.

    Args:
        x: float32[n, features].
        variant: its `dense_units`, `dense_dropout`, `batch_norm` and `seed` are used.
        n_classes: width of the softmax.

    Returns:
        Probabilities, float32[n, n_classes].
    """
    rates = variant["dense_dropout"] or [0.0] * len(variant["dense_units"])
    for number, (units, rate) in enumerate(zip(variant["dense_units"], rates, strict=True), start=1):
        name = f"head_dense{number}"
        x = dense(x, units, name=name, seed=variant["seed"])
        x = relu(x, name=name, batch_norm=variant["batch_norm"])
        x = dropout(x, rate, name=f"{name}_dropout", seed=variant["seed"])
    x = dense(x, n_classes, name="head_logits", seed=variant["seed"])
    return keras.layers.Activation("softmax", name="probabilities")(x)
