"""BaseNet: two 5x5 convolutions and two dense layers (report Fig. 1)."""

from typing import Any

import keras

from stages.networks.layers import classifier, convolution, dropout, raw_pixels, relu


def build(
    variant: dict[str, Any], input_shape: tuple[int, ...], n_classes: int, statistics: Any
) -> keras.Model:
    """Returns the network of Fig. 1: 24,197 parameters on 32x32 images of 25 classes.

    Args:
        variant: `filters` (a pooling after each), `block_dropout` (a rate after each pooling; [] is
            none), `batch_norm`, `dense_units`, `dense_dropout` and `seed` are used.
        input_shape: (height, width, 3).
        n_classes: number of classes.
        statistics: of the training images, see `layers.raw_pixels`.

    Returns:
        A model from raw RGB in [0, 255] to probabilities, float32[n, n_classes].
    """
    images = keras.Input(input_shape, name="image")
    x = raw_pixels(images, statistics)
    rates = variant["block_dropout"] or [0.0] * len(variant["filters"])
    for block, (filters, rate) in enumerate(zip(variant["filters"], rates, strict=True), start=1):
        name = f"block{block}_conv1"
        x = convolution(x, filters, 5, name=name, seed=variant["seed"])
        x = relu(x, name=name, batch_norm=variant["batch_norm"])
        x = keras.layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
        x = dropout(x, rate, name=f"block{block}_dropout", seed=variant["seed"])
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(images, classifier(x, variant, n_classes), name=variant["name"])
