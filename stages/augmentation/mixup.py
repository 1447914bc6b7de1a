"""Mixes each image and its target with another (Zhang et al. 2017, arXiv 1710.09412)."""

from typing import Any

import keras
import numpy as np

ORDER = 60


def draw(chance: Any, n: int, amount: float) -> np.ndarray:
    """Draws the share of the other image by Beta(amount, amount), float32[n, 1] in [0, 1]."""
    return chance.of_epoch.beta(amount, amount, (n, 1)).astype(np.float32)


def apply(images: Any, targets: Any, draws: Any, *, amount: float) -> tuple[Any, Any]:
    """Mixes each image with the one before it in the batch, the first with the last.

    Args:
        images: float32[n, height, width, channels].
        targets: float32[n, classes], each adding up to 1.
        draws: float32[n, 1], as `draw` returns them.
        amount: both parameters of the Beta distribution, above 0; the knob's value.
    """
    share = draws[:, :, None, None]
    images = keras.ops.roll(images, 1, axis=0) * share + images * (1 - share)
    return images, keras.ops.roll(targets, 1, axis=0) * draws + targets * (1 - draws)
