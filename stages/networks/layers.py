"""The few layers that every network here is made of, named by their place."""

from collections.abc import Sequence
from typing import Any

import keras

from stages.networks.seeds import layer_seed


def scale_pixels(x: Any, statistics: dict[str, list[float]] | None) -> Any:
    """Scales RGB from [0, 255] to [0, 1], optionally standardised per channel (report 2.1).

    Args:
        x: images, float32[n, height, width, 3] in [0, 255].
        statistics: `mean` and `std` per channel of the training images / 255; None for none.

    Returns:
        float32[n, height, width, 3] in [0, 1], or with mean 0 and standard deviation 1 per channel.
    """
    x = keras.layers.Rescaling(1 / 255, name="pixels")(x)
    if statistics is None:
        return x
    variance = [std**2 for std in statistics["std"]]
    return keras.layers.Normalization(mean=statistics["mean"], variance=variance, name="normalisation")(x)


def convolution(
    x: Any,
    filters: int,
    kernel_size: int,
    *,
    name: str,
    seed: int,
    strides: int = 1,
    padding: str = "valid",
    use_bias: bool = True,
    initializer: Any = keras.initializers.GlorotUniform,
) -> Any:
    """Convolves; initial weights come from the layer's own seed, biases start at zero."""
    kernel = initializer(seed=layer_seed(seed, name))
    return keras.layers.Conv2D(
        filters, kernel_size, strides, padding, use_bias=use_bias, kernel_initializer=kernel, name=name
    )(x)


def dense(x: Any, units: int, *, name: str, seed: int) -> Any:
    """Connects densely; Glorot-uniform weights from the layer's own seed, biases zero."""
    initializer = keras.initializers.GlorotUniform(seed=layer_seed(seed, name))
    return keras.layers.Dense(units, kernel_initializer=initializer, name=name)(x)


def normalised(x: Any, *, name: str, bn_momentum: float = 0.99) -> Any:
    """Normalises by the batch (Ioffe and Szegedy 2015); the layer is called `<name>_bn`.

    Args:
        x: any float tensor, channels last.
        name: of the layer it follows.
        bn_momentum: of the moving means, in [0, 1); the lower, the fewer steps they need.
    """
    return keras.layers.BatchNormalization(momentum=bn_momentum, name=f"{name}_bn")(x)


def activated(
    x: Any,
    *,
    name: str,
    activation: str = "relu",
    batch_norm: str = "none",
    bn_momentum: float = 0.99,
) -> Any:
    """Applies an activation, with batch normalisation before or after it, or none (report 2.6).

    Args:
        x: any float tensor, channels last.
        name: of the layer it follows; the layers here are called `<name>_<activation>` and `<name>_bn`.
        activation: relu, silu or gelu.
        batch_norm: none, before or after.
        bn_momentum: of batch normalisation.
    """
    if batch_norm == "before":
        x = normalised(x, name=name, bn_momentum=bn_momentum)
    x = keras.layers.Activation(activation, name=f"{name}_{activation}")(x)
    if batch_norm == "after":
        x = normalised(x, name=name, bn_momentum=bn_momentum)
    return x


def dropout(x: Any, rate: float, *, name: str, seed: int) -> Any:
    """Drops units at `rate` in [0, 1) while training; a rate of 0 adds no layer."""
    if rate == 0:
        return x
    return keras.layers.Dropout(rate, seed=layer_seed(seed, name), name=name)(x)


def dense_classifier(
    x: Any,
    *,
    n_classes: int,
    seed: int,
    dense_units: Sequence[int],
    dense_dropout: Sequence[float],
    batch_norm: str,
    activation: str,
    bn_momentum: float,
) -> Any:
    """Adds dense layers, each with activation and dropout, then the softmax over the classes.

    Args:
        x: float32[n, features].
        n_classes: width of the softmax.
        seed: of initial weights and dropout.
        dense_units: a layer each.
        dense_dropout: a rate after each of these layers; [] is off.
        batch_norm: none, before or after each activation.
        activation: relu, silu or gelu.
        bn_momentum: of batch normalisation.

    Returns:
        Probabilities, float32[n, n_classes].
    """
    rates = dense_dropout or [0.0] * len(dense_units)
    for number, (units, rate) in enumerate(zip(dense_units, rates, strict=True), start=1):
        name = f"head_dense{number}"
        x = dense(x, units, name=name, seed=seed)
        x = activated(x, name=name, activation=activation, batch_norm=batch_norm, bn_momentum=bn_momentum)
        x = dropout(x, rate, name=f"{name}_dropout", seed=seed)
    return probabilities(x, n_classes, seed=seed)


def probabilities(x: Any, n_classes: int, *, seed: int, logit_scale: float = 1.0) -> Any:
    """Adds the last dense layer, and the softmax in float32 whatever precision the rest has.

    Args:
        x: float[n, features].
        n_classes: width of the softmax.
        seed: of initial weights.
        logit_scale: factor of the logits; a scale of 1 adds no layer.
    """
    x = dense(x, n_classes, name="head_logits", seed=seed)
    if logit_scale != 1:
        x = keras.layers.Rescaling(logit_scale, dtype="float32", name="scaled_logits")(x)
    return keras.layers.Activation("softmax", dtype="float32", name="probabilities")(x)
