"""Covers a random square of each image (DeVries and Taylor 2017)."""

from typing import Any

import keras
import numpy as np

ORDER = 40


def draw(chance: Any, n: int, amount: int) -> np.ndarray:
    """Draws the centre of the square as shares of height and width in [0, 1), float32[n, 2]."""
    return chance.of_epoch.random((n, 2), np.float32)


def apply(images: Any, targets: Any, draws: Any, *, amount: int) -> tuple[Any, Any]:
    """Fills a square of `amount` x `amount` pixels with the image's mean colour; it may leave the image.

    Args:
        images: float32[n, height, width, channels].
        targets: float32[n, classes]; they stay.
        draws: float32[n, 2], as `draw` returns them.
        amount: pixels; the knob's value.
    """
    height, width = images.shape[1:3]
    rows = _covered(draws[:, :1], height, amount)[:, :, None, None]
    columns = _covered(draws[:, 1:], width, amount)[:, None, :, None]
    mean = keras.ops.mean(images, axis=(1, 2), keepdims=True)
    return keras.ops.where(keras.ops.logical_and(rows, columns), mean, images), targets


def _covered(centres: Any, size: int, amount: int) -> Any:
    """Returns which pixels along one axis lie in the square, bool[n, size]."""
    start = keras.ops.floor(centres * size) - amount // 2
    pixels = keras.ops.arange(size, dtype="float32")
    return keras.ops.logical_and(pixels >= start, pixels < start + amount)
