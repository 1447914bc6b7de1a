"""The generalised mean, between mean and largest value (Radenović et al. 2018, arXiv 1711.02512)."""

from typing import Any

import keras

from stages.networks.operations import named

LEAST = 1e-6  # as in the paper's code: a root of 0 has an infinite gradient


def pool(maps: Any, name: str = "pooled_features", *, p: float = 3.0) -> Any:
    """Adds (mean of max(x, 1e-6)^p)^(1/p) over height and width, in float32 at any precision.

    Args:
        maps: float[n, height, width, c]; negative values count as 0.
        name: of its last operation.
        p: above 0; 1 is the mean, and the larger it is, the closer to the maximum.

    Returns:
        float32[n, c].
    """
    positive = keras.ops.maximum(keras.ops.cast(maps, "float32"), LEAST)
    mean = keras.ops.mean(keras.ops.power(positive, p), axis=(1, 2))
    return named(keras.ops.power(mean, 1 / p), name, maps)
