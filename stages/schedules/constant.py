"""A learning rate that does not change."""

import numpy as np


def decay(progress: np.ndarray) -> np.ndarray:
    """Returns 1 for each share of the training in [0, 1], float64[k]."""
    return np.ones_like(progress)
