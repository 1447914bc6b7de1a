"""A learning rate that falls to 0 in a straight line."""

import numpy as np


def decay(progress: np.ndarray) -> np.ndarray:
    """Returns the factor of the rate at each share of the training in [0, 1], float64[k] from 1 to 0."""
    return 1 - progress
