"""Pastes a patch of another image, and as much of its target (Yun et al. 2019, arXiv 1905.04899)."""

from typing import Any

import keras
import numpy as np

ORDER = 50


def draw(chance: Any, n: int, amount: float) -> np.ndarray:
    """Draws the patch's area, uniform in [0, 1), and its centre, all as shares of the image: float32[n, 3].

    The area is 0 where an image gets no patch.
    """
    is_mixed, areas, *centres = chance.of_epoch.random((4, n), np.float32)
    return np.stack([np.where(is_mixed < amount, areas, 0), *centres], axis=1)


def apply(images: Any, targets: Any, draws: Any, *, amount: float) -> tuple[Any, Any]:
    """Takes the patch of each image from the one before it in the batch, of the first from the last.

    The patch has the image's shape; what would lie outside the image is cut off. The targets are mixed by the
    share of pixels that are actually replaced.

    Args:
        images: float32[n, height, width, channels].
        targets: float32[n, classes], each adding up to 1.
        draws: float32[n, 3], as `draw` returns them.
        amount: share of images that get a patch, in (0, 1]; the knob's value.
    """
    height, width = images.shape[1:3]
    scale = keras.ops.sqrt(draws[:, :1])
    rows, columns = _covered(draws[:, 1:2], scale, height), _covered(draws[:, 2:], scale, width)
    patch = rows[:, :, None, None] * columns[:, None, :, None]
    share = keras.ops.mean(rows, axis=1, keepdims=True) * keras.ops.mean(columns, axis=1, keepdims=True)
    before = keras.ops.roll(images, 1, axis=0)
    # 0 or 1 per pixel: TensorFlow's `where` takes longer
    images = before * patch + images * (1 - patch)
    return images, keras.ops.roll(targets, 1, axis=0) * share + targets * (1 - share)


def _covered(centres: Any, scale: Any, size: int) -> Any:
    """Returns which pixels along one axis lie in the patch, 1 or 0: float32[n, size]."""
    side = keras.ops.floor(scale * size)
    start = keras.ops.floor(centres * size) - keras.ops.floor(side / 2)
    pixels = keras.ops.arange(size, dtype="float32")
    return keras.ops.cast(keras.ops.logical_and(pixels >= start, pixels < start + side), "float32")
