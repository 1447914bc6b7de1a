"""Enlarges a random part of each image to the whole (Szegedy et al. 2014, *Going deeper*, section 6)."""

import math
from typing import Any

import keras
import numpy as np

from stages.augmentation.resampling import resample

ORDER = 25
RATIO = 4 / 3  # of the longer side to the shorter, at most


def draw(chance: Any, n: int, amount: float) -> np.ndarray:
    """Draws height, width, top and left of the part as shares of the image, float32[n, 4].

    The area is uniform in [amount, 1], the ratio of width to height log-uniform in [3/4, 4/3], or in as much
    of it as fits into the image, where torchvision draws again.
    """
    areas, ratios, tops, lefts = chance.of_epoch.random((4, n))
    areas = amount + (1 - amount) * areas
    most = np.minimum(math.log(RATIO), -np.log(areas))
    stretches = np.exp((2 * ratios - 1) * most / 2)
    # rounding may exceed the image by its last bit
    heights, widths = np.minimum(np.sqrt(areas) * [1 / stretches, stretches], 1)
    return np.stack([heights, widths, tops * (1 - heights), lefts * (1 - widths)], axis=1).astype(np.float32)


def apply(images: Any, targets: Any, draws: Any, *, amount: float) -> tuple[Any, Any]:
    """Resamples the part of each image linearly to the image's size.

    Args:
        images: float32[n, height, width, channels].
        targets: float32[n, classes]; they stay.
        draws: float32[n, 4], as `draw` returns them.
        amount: the least area, in (0, 1]; the knob's value.
    """
    height, width = images.shape[1:3]
    rows = _positions(draws[:, 2:3], draws[:, :1], height)
    columns = _positions(draws[:, 3:], draws[:, 1:2], width)
    return resample(images, rows, columns), targets


def _positions(starts: Any, shares: Any, size: int) -> Any:
    """Returns where the centres of the new pixels lie among those of the old, float32[n, size]."""
    return starts * size + shares * (keras.ops.arange(size, dtype="float32") + 0.5) - 0.5
