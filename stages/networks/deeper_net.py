"""The deeper networks: 3x3 convolutions in blocks of two, then dense layers (report Tables 1-3)."""

from collections.abc import Sequence
from typing import Any

import keras

from stages.networks.layers import activated, convolution, dense_classifier, dropout

LEARNS_FROM = "images"
LENGTHS = {"filters": {"multiple_of": 2, "expected": "an even number of sizes, two a block"}}
ONE_RATE_PER = {"block_dropout": ("filters", 2), "dense_dropout": ("dense_units", 1)}
SHRINKS = {
    "first": 0,
    "per_block": 2,
    "pixels": 4,
}  # two 3x3 take 4 pixels, pooling half of the rest


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
    """Adds the network of Tables 1, 2 or 3, by its `filters` and `dense_units`.

    Args:
        inputs: scaled images, float32[n, height, width, 3].
        n_classes: width of the softmax.
        seed: of initial weights and dropout.
        filters: of the 3x3 convolutions, a max pooling after every second.
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
    pairs = list(zip(filters[::2], filters[1::2], strict=True))
    rates = block_dropout or [0.0] * len(pairs)
    for block, (pair, rate) in enumerate(zip(pairs, rates, strict=True), start=1):
        for number, width in enumerate(pair, start=1):
            name = f"block{block}_conv{number}"
            x = convolution(x, width, 3, name=name, seed=seed)
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
