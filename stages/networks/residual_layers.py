"""The layers of residual networks: convolutions without biases, batch normalisation, an activation."""

from dataclasses import dataclass
from typing import Any

import keras

from stages.networks import layers


@dataclass(frozen=True)
class ResidualLayers:
    """Adds layers that share what holds for the whole network.

    Attributes:
        seed: of initial weights (He et al. 2015, arXiv 1502.01852).
        activation: relu, silu or gelu.
        bn_momentum: of batch normalisation's moving means.
    """

    seed: int
    activation: str
    bn_momentum: float

    def convolution(self, x: Any, filters: int, kernel_size: int, *, name: str, strides: int = 1) -> Any:
        """Convolves; height and width stay, or are divided by `strides`."""
        return layers.convolution(
            x,
            filters,
            kernel_size,
            name=name,
            seed=self.seed,
            strides=strides,
            padding="same",
            use_bias=False,
            initializer=keras.initializers.HeNormal,
        )

    def normalised(self, x: Any, *, name: str) -> Any:
        """Normalises by the batch."""
        return layers.normalised(x, name=name, bn_momentum=self.bn_momentum)

    def activated(self, x: Any, *, name: str, batch_norm: str = "before") -> Any:
        """Normalises by the batch, unless `batch_norm` is none, and applies the activation."""
        return layers.activated(
            x, name=name, activation=self.activation, batch_norm=batch_norm, bn_momentum=self.bn_momentum
        )
