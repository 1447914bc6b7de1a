"""The signed square root, so that a few large values outweigh the others less (Perronnin et al. 2010)."""

from typing import Any

import keras
import numpy as np

from stages.networks.operations import named

EPSILON = 1e-6  # without it the gradient at 0 is infinite, and fine-tuning through it ends in NaN


def add(x: Any, features: np.ndarray | None = None) -> Any:
    """Adds sign(x) (sqrt(|x| + e) - sqrt(e)), which is 0 at 0; in float32 at any precision.

    Args:
        x: float[n, c].
        features: not needed.
    """
    single = keras.ops.cast(x, "float32")
    root = keras.ops.sqrt(keras.ops.absolute(single) + EPSILON) - EPSILON**0.5
    return named(keras.ops.sign(single) * root, "head_square_root", x)
