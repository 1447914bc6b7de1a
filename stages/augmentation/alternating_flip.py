"""Mirrors images left-right in every other epoch, a random half first (Jordan 2024, arXiv 2404.00498).

Two epochs in a row then show both sides of every image, whereas independent flips repeat half of them.
"""

from typing import Any

import numpy as np

from stages.augmentation.mirroring import mirrored

ORDER = 11


def draw(chance: Any, n: int, amount: bool) -> np.ndarray:
    """Draws whether each image is mirrored in this epoch, 1 or 0: float32[n, 1]."""
    in_even_epochs = chance.of_run.random((n, 1), np.float32) < 0.5
    return (in_even_epochs ^ (chance.epoch % 2 == 1)).astype(np.float32)


def apply(images: Any, targets: Any, draws: Any, *, amount: bool) -> tuple[Any, Any]:
    """Mirrors each image that was drawn.

    Args:
        images: float32[n, height, width, channels].
        targets: float32[n, classes]; they stay.
        draws: float32[n, 1], as `draw` returns them.
        amount: true; the knob's value.
    """
    return mirrored(images, draws[:, 0] > 0.5), targets
