"""The mean of each channel over height and width."""

from typing import Any

import keras


def pool(maps: Any, name: str = "pooled_features") -> Any:
    """Adds the layer of this name: float[n, height, width, c] to float[n, c]."""
    return keras.layers.GlobalAveragePooling2D(name=name)(maps)
