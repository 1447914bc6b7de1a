"""A residual network that is fast to train: in each stage, pooling comes right after the first convolution.

After the network of tysam-code/hlb-CIFAR10 (Balsam 2023), itself from David Page's *How to train your ResNet*
(2018). Most convolutions see small maps, so that millions of parameters train on two CPU cores.
"""

from collections.abc import Sequence
from typing import Any

import keras

from stages.networks.layers import dropout, probabilities
from stages.networks.residual_layers import ResidualLayers
from stages.runtime.modules import find

LEARNS_FROM = "images"
LENGTHS = {"filters": {"least": 2, "expected": "the stem's size, then one of each stage"}}
SHRINKS = {"first": 1, "per_block": 1, "pixels": 0}  # each stage halves the size, the stem keeps it
CHOICES = {"pooling": ["average", "max", "gem"]}
FOUND_IN = {"pooling": "pooling"}


def build(
    inputs: Any,
    *,
    n_classes: int,
    seed: int,
    filters: Sequence[int],
    activation: str = "relu",
    bn_momentum: float = 0.99,
    pooling: str = "max",
    head_dropout: float = 0.0,
    logit_scale: float = 1.0,
) -> Any:
    """Adds the network; 1,993,961 parameters with filters 48, 64, 256, 256 and 25 classes.

    Args:
        inputs: scaled images, float32[n, height, width, 3].
        n_classes: width of the softmax.
        seed: of initial weights and dropout.
        filters: of the stem, then of each stage, which halves height and width.
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
    for stage, width in enumerate(filters[1:], start=1):
        x = _stage(x, width, layers, name=f"stage{stage}")
    x = find("pooling", pooling).pool(x, name="pool")
    x = dropout(x, head_dropout, name="head_dropout", seed=seed)
    return probabilities(x, n_classes, seed=seed, logit_scale=logit_scale)


def _stage(x: Any, width: int, layers: ResidualLayers, *, name: str) -> Any:
    """Widens and halves the maps, then adds another convolution of them to themselves."""
    x = layers.convolution(x, width, 3, name=f"{name}_conv1")
    x = keras.layers.MaxPooling2D(2, name=f"{name}_pool")(x)
    x = shortcut = layers.activated(x, name=f"{name}_conv1")
    x = layers.convolution(x, width, 3, name=f"{name}_conv2")
    x = layers.activated(x, name=f"{name}_conv2")
    return keras.layers.Add(name=f"{name}_add")([x, shortcut])
