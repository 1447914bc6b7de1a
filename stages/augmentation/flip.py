"""Mirrors images left-right with probability 1/2 (report 2.2)."""

from typing import Any

import numpy as np

from stages.augmentation.mirroring import mirrored

ORDER = 10


def draw(chance: Any, n: int, amount: bool) -> np.ndarray:
    """Draws one number in [0, 1) per image, float32[n, 1]."""
    return chance.of_epoch.random((n, 1), np.float32)


def apply(images: Any, targets: Any, draws: Any, *, amount: bool) -> tuple[Any, Any]:
    """Mirrors each image whose number is below 1/2.

    Args:
        images: float32[n, height, width, channels].
        targets: float32[n, classes]; they stay.
        draws: float32[n, 1], as `draw` returns them.
        amount: true; the knob's value.
    """
    return mirrored(images, draws[:, 0] < 0.5), targets
