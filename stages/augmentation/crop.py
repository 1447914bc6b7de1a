"""Shifts images at random: padded by reflection, then cropped to their size (He et al. 2015, section 4.2)."""

from typing import Any

import keras
import numpy as np

from stages.augmentation.resampling import resample

ORDER = 30


def draw(chance: Any, n: int, amount: int) -> np.ndarray:
    """Draws whole shifts down and right in [-amount, amount] pixels, float32[n, 2]."""
    return chance.of_epoch.integers(-amount, amount + 1, (n, 2)).astype(np.float32)


def apply(images: Any, targets: Any, draws: Any, *, amount: int) -> tuple[Any, Any]:
    """Shifts each image; the gap is filled by reflection at the edge, without repeating the edge itself.

    Args:
        images: float32[n, height, width, channels].
        targets: float32[n, classes]; they stay.
        draws: float32[n, 2], as `draw` returns them.
        amount: pixels, below height and width; the knob's value.
    """
    height, width = images.shape[1:3]
    return resample(images, _reflected(draws[:, :1], height), _reflected(draws[:, 1:], width)), targets


def _reflected(shifts: Any, size: int) -> Any:
    positions = keras.ops.abs(keras.ops.arange(size, dtype="float32") - shifts)
    return (size - 1) - keras.ops.abs((size - 1) - positions)
