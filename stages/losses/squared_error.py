"""The squared error of probabilities (Brier 1950)."""

from typing import Any

import keras


def loss(targets: Any, outputs: Any) -> Any:
    """Returns the Brier score of each row: the squared errors of all classes added up, in [0, 2].

    Args:
        targets: float32[b, classes], each adding up to 1.
        outputs: probabilities, float32[b, classes].

    Returns:
        float32[b].
    """
    return keras.ops.sum(keras.ops.square(outputs - targets), axis=-1)
