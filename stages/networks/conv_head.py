"""A convolution over the ResNet50 feature map, then dense layers (report Table 6)."""

from collections.abc import Sequence
from typing import Any

import keras

from stages.networks.layers import activated, convolution, dense_classifier, dropout
from stages.runtime.modules import find

LEARNS_FROM = "maps"
LENGTHS = {"filters": {"least": 1, "most": 1, "expected": "one size"}}
ONE_RATE_PER = {"block_dropout": ("filters", 1), "dense_dropout": ("dense_units", 1)}
CHOICES = {"pooling": ["flatten", "average", "max", "gem"]}
FOUND_IN = {"pooling": "pooling"}


def build(
    inputs: Any,
    *,
    n_classes: int,
    seed: int,
    filters: Sequence[int],
    dense_units: Sequence[int],
    pooling: str,
    block_dropout: Sequence[float] = (),
    dense_dropout: Sequence[float] = (),
    batch_norm: str = "none",
    activation: str = "relu",
    bn_momentum: float = 0.99,
) -> Any:
    """Adds the head to a feature map.

    Table 6 lists "Avg.Pool" with 5x5 in and 5x5 out and 12800 = 5*5*512 inputs to the dense layer,
    the text a GlobalAveragePooling2D. `pooling: flatten` is the table (an average over 2x2 at stride
    1 that keeps 5x5; 22,757,064 parameters at 200 classes), `pooling: average` is the text.

    Args:
        inputs: feature maps, float32[n, 7, 7, 2048].
        n_classes: width of the softmax.
        seed: of initial weights and dropout.
        filters: of the one 3x3 convolution.
        dense_units: of the dense layers before the classifier.
        pooling: flatten, or a file of stages/pooling: average, max or gem; before the dense layers.
        block_dropout: one rate after the pooling; [] is off.
        dense_dropout: a rate after each dense layer; [] is off.
        batch_norm: none, before or after each activation.
        activation: relu, silu or gelu.
        bn_momentum: of batch normalisation's moving means, in [0, 1).

    Returns:
        Probabilities, float32[n, n_classes].
    """
    (width,) = filters
    x = convolution(inputs, width, 3, name="head_conv1", seed=seed)
    x = activated(x, name="head_conv1", activation=activation, batch_norm=batch_norm, bn_momentum=bn_momentum)
    if pooling == "flatten":
        x = keras.layers.AveragePooling2D(2, strides=1, padding="same", name="head_pool")(x)
    else:
        x = find("pooling", pooling).pool(x, name="head_pool")
    for rate in block_dropout:
        x = dropout(x, rate, name="head_dropout", seed=seed)
    if pooling == "flatten":
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
