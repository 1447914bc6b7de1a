"""Scales height and width of each image by two factors, as Keras' ImageDataGenerator does (report 2.2)."""

from typing import Any

import keras
import numpy as np

from stages.augmentation.resampling import resample

ORDER = 20


def draw(chance: Any, n: int, amount: float) -> np.ndarray:
    """Draws factors of height and width in [1 - amount, 1 + amount], float32[n, 2]."""
    return chance.of_epoch.uniform(1 - amount, 1 + amount, (n, 2)).astype(np.float32)


def apply(images: Any, targets: Any, draws: Any, *, amount: float) -> tuple[Any, Any]:
    """Scales around the centre; a factor below 1 enlarges the image, above 1 the edges are repeated.

    Args:
        images: float32[n, height, width, channels].
        targets: float32[n, classes]; they stay.
        draws: float32[n, 2], as `draw` returns them.
        amount: in (0, 1); the knob's value.
    """
    height, width = images.shape[1:3]
    return resample(images, _positions(draws[:, :1], height), _positions(draws[:, 1:], width)), targets


def _positions(factors: Any, size: int) -> Any:
    centre = (size - 1) / 2
    return factors * (keras.ops.arange(size, dtype="float32") - centre) + centre
