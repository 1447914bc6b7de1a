"""BaseNet: two 5x5 convolutions and two dense layers (report Fig. 1)."""

from collections.abc import Sequence
from typing import Any

import keras

from stages.networks.layers import activated, convolution, dense_classifier, dropout

LEARNS_FROM = "images"
ONE_RATE_PER = {"block_dropout": ("filters", 1), "dense_dropout": ("dense_units", 1)}
SHRINKS = {
    "first": 0,
    "per_block": 1,
    "pixels": 4,
}  # 5x5 takes 4 pixels, pooling half of the rest


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
    activation: str = "relu",
    bn_momentum: float = 0.99,
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
        batch_norm: none, before or after each activation.
        activation: relu, silu or gelu.
        bn_momentum: of batch normalisation's moving means, in [0, 1).

    Returns:
        Probabilities, float32[n, n_classes].
    """
    x = inputs
    rates = block_dropout or [0.0] * len(filters)
    for block, (width, rate) in enumerate(zip(filters, rates, strict=True), start=1):
        name = f"block{block}_conv1"
        x = convolution(x, width, 5, name=name, seed=seed)
        x = activated(x, name=name, activation=activation, batch_norm=batch_norm, bn_momentum=bn_momentum)
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
        activation=activation,
        bn_momentum=bn_momentum,
    )
