"""A small residual network: 3x3 convolutions, batch norm, global pooling (He et al. 2015, section 4.2).

Most parameters of the report's networks are in their first dense layer; global average pooling replaces it
here.
"""

from collections.abc import Sequence
from typing import Any

import keras

from stages.networks.layers import dropout, probabilities
from stages.networks.residual_layers import ResidualLayers
from stages.runtime.modules import find

LEARNS_FROM = "images"
LENGTHS = {"filters": {"least": 1, "expected": "at least one size"}}
ONE_RATE_PER = {"block_dropout": ("filters", 1)}
CHOICES = {"pooling": ["average", "max", "gem"]}
FOUND_IN = {"pooling": "pooling"}


def build(
    inputs: Any,
    *,
    n_classes: int,
    seed: int,
    filters: Sequence[int],
    depth: int = 1,
    block_dropout: Sequence[float] = (),
    activation: str = "relu",
    bn_momentum: float = 0.99,
    pooling: str = "average",
    head_dropout: float = 0.0,
    logit_scale: float = 1.0,
) -> Any:
    """Adds a residual network: `depth` blocks of two convolutions at each width.

    Args:
        inputs: scaled images, float32[n, height, width, 3].
        n_classes: width of the softmax.
        seed: of initial weights and dropout.
        filters: widths of the stages; each after the first halves height and width.
        depth: blocks per stage.
        block_dropout: a rate after each stage; [] is off.
        activation: relu, silu or gelu.
        bn_momentum: of batch normalisation's moving means, in [0, 1).
        pooling: of the last maps, a file of stages/pooling: average, max or gem.
        head_dropout: the rate before the classifier; 0 is off.
        logit_scale: factor of the logits.

    Returns:
        Probabilities, float32[n, n_classes].
    """
    layers = ResidualLayers(seed, activation, bn_momentum)
    x = layers.convolution(inputs, filters[0], 3, name="stem_conv")
    x = layers.activated(x, name="stem_conv")
    rates = block_dropout or [0.0] * len(filters)
    for stage, (width, rate) in enumerate(zip(filters, rates, strict=True), start=1):
        for block in range(1, depth + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _residual_block(x, width, strides, layers, name=f"stage{stage}_block{block}")
        x = dropout(x, rate, name=f"stage{stage}_dropout", seed=seed)
    x = find("pooling", pooling).pool(x, name="pool")
    x = dropout(x, head_dropout, name="head_dropout", seed=seed)
    return probabilities(x, n_classes, seed=seed, logit_scale=logit_scale)


def _residual_block(x: Any, width: int, strides: int, layers: ResidualLayers, *, name: str) -> Any:
    """Adds two convolutions to a shortcut, which is a 1x1 convolution where the shape changes.

    Where the size also halves, the shortcut takes means instead of every second pixel (ResNet-D of He et al.
    2018, *Bag of Tricks for Image Classification*). A strided 1x1 convolution of fewer than 8 channels would
    let oneDNN write beyond its memory (oneDNN issue 6035).
    """
    shortcut = x
    if strides > 1:
        shortcut = keras.layers.AveragePooling2D(strides, padding="same", name=f"{name}_shortcut_pool")(x)
    if x.shape[-1] != width or strides > 1:
        shortcut = layers.convolution(shortcut, width, 1, name=f"{name}_shortcut")
        shortcut = layers.normalised(shortcut, name=f"{name}_shortcut")
    x = layers.convolution(x, width, 3, name=f"{name}_conv1", strides=strides)
    x = layers.activated(x, name=f"{name}_conv1")
    x = layers.convolution(x, width, 3, name=f"{name}_conv2")
    x = layers.normalised(x, name=f"{name}_conv2")
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.activated(x, name=name, batch_norm="none")
