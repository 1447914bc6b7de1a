"""Each feature with mean 0 and standard deviation 1 over the training images."""

from typing import Any

import keras
import numpy as np

NEEDS_FEATURES = True


def add(x: Any, features: np.ndarray) -> Any:
    """Adds (x - mean) / deviation, in float32 at any precision.

    Args:
        x: float[n, c].
        features: float[m, c], those of the training images, after the steps before this one. A feature
            that is the same for all of them is only shifted: divided by almost 0, it would drown the rest.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    variance = features.var(axis=0, dtype=np.float64)
    is_constant = features.min(axis=0) == features.max(axis=0)
    variance = np.where(is_constant, 1.0, variance)
    return keras.layers.Normalization(
        mean=mean.tolist(), variance=variance.tolist(), dtype="float32", name="head_standardise"
    )(x)
