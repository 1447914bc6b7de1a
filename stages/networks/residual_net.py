"""A small residual network: 3x3 convolutions, batch norm, global pooling (He et al. 2015, section 4.2).

Most parameters of the report's networks are in their first dense layer; here global average pooling
takes its place.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras

from stages.networks.layers import convolution, dropout, probabilities, relu

LEARNS_FROM = "images"

_convolution = partial(convolution, padding="same", use_bias=False, initializer=keras.initializers.HeNormal)


def build(
    inputs: Any,
    *,
    n_classes: int,
    seed: int,
    filters: Sequence[int],
    depth: int = 1,
    block_dropout: Sequence[float] = (),
) -> Any:
    """Adds a residual network: `depth` blocks of two convolutions at each width.

    Args:
        inputs: scaled images, float32[n, height, width, 3].
        n_classes: width of the softmax.
        seed: of initial weights and dropout.
        filters: widths of the stages; each after the first halves height and width.
        depth: blocks per stage.
        block_dropout: a rate after each stage; [] is off.

    Returns:
        Probabilities, float32[n, n_classes].
    """
    x = _convolution(inputs, filters[0], 3, name="stem_conv", seed=seed)
    x = relu(x, name="stem_conv", batch_norm="before")
    rates = block_dropout or [0.0] * len(filters)
    for stage, (width, rate) in enumerate(zip(filters, rates, strict=True), start=1):
        for block in range(1, depth + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _residual_block(x, width, strides, name=f"stage{stage}_block{block}", seed=seed)
        x = dropout(x, rate, name=f"stage{stage}_dropout", seed=seed)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return probabilities(x, n_classes, seed=seed)


def _residual_block(x: Any, width: int, strides: int, *, name: str, seed: int) -> Any:
    """Adds two convolutions to a shortcut, which is a 1x1 convolution where the shape changes.

    Where the size halves, too, the shortcut takes means instead of every second pixel (ResNet-D of He et al.
    2018, *Bag of Tricks for Image Classification*). A strided 1x1 convolution of fewer than 8 channels would
    let oneDNN write beyond its memory (oneDNN issue 6035).
    """
    shortcut = x
    if strides > 1:
        shortcut = keras.layers.AveragePooling2D(strides, padding="same", name=f"{name}_shortcut_pool")(x)
    if x.shape[-1] != width or strides > 1:
        shortcut = _convolution(shortcut, width, 1, name=f"{name}_shortcut", seed=seed)
        shortcut = keras.layers.BatchNormalization(name=f"{name}_shortcut_bn")(shortcut)
    x = _convolution(x, width, 3, strides=strides, name=f"{name}_conv1", seed=seed)
    x = relu(x, name=f"{name}_conv1", batch_norm="before")
    x = _convolution(x, width, 3, name=f"{name}_conv2", seed=seed)
    x = keras.layers.BatchNormalization(name=f"{name}_conv2_bn")(x)
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return relu(x, name=name)
