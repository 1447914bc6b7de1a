"""BaseNet: two 5x5 convolutions and two dense layers (report Fig. 1)."""

from collections.abc import Sequence
from typing import Any

import keras

from stages.networks.layers import convolution, dense_classifier, dropout, relu

LEARNS_FROM = "images"


def build(
    inputs: Any,
    *,
    n_classes: int,
    seed: int,
    filters: Sequence[int],
    dense_units: Sequence[int],
    block_dropout: Sequence[float] = (),
    dense_dropout: Sequence[float] = (),
    batch_norm: str = "none",
) -> Any:
    """Adds the network of Fig. 1: 24,197 parameters on 32x32 images of 25 classes.

    Args:
        inputs: scaled images, float32[n, height, width, 3].
        n_classes: width of the softmax.
        seed: of initial weights and dropout.
        filters: of the 5x5 convolutions, a max pooling after each.
        dense_units: of the dense layers before the classifier.
        block_dropout: a rate after each pooling; [] is off.
        dense_dropout: a rate after each dense layer; [] is off.
        batch_norm: none, before or after each relu.

    Returns:
        Probabilities, float32[n, n_classes].
    """
    x = inputs
    rates = block_dropout or [0.0] * len(filters)
    for block, (width, rate) in enumerate(zip(filters, rates, strict=True), start=1):
        name = f"block{block}_conv1"
        x = convolution(x, width, 5, name=name, seed=seed)
        x = relu(x, name=name, batch_norm=batch_norm)
        x = keras.layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
        x = dropout(x, rate, name=f"block{block}_dropout", seed=seed)
    x = keras.layers.Flatten(name="flatten")(x)
    return dense_classifier(
        x,
        n_classes=n_classes,
        seed=seed,
        dense_units=dense_units,
        dense_dropout=dense_dropout,
        batch_norm=batch_norm,
    )
