"""The deeper networks: 3x3 convolutions in blocks of two, then dense layers (report Tables 1-3)."""

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
    """Adds the network of Tables 1, 2 or 3, by its `filters` and `dense_units`.

    Args:
        inputs: scaled images, float32[n, height, width, 3].
        n_classes: width of the softmax.
        seed: of initial weights and dropout.
        filters: of the 3x3 convolutions, a max pooling after every second.
        dense_units: of the dense layers before the classifier.
        block_dropout: a rate after each pooling; [] is off.
        dense_dropout: a rate after each dense layer; [] is off.
        batch_norm: none, before or after each relu.

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
