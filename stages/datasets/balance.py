"""Whether some classes have so few images that a network can afford to ignore them."""

from collections.abc import Sequence

import numpy as np

TIMES = 3  # the largest class against the smallest: from then on classes are unbalanced


def is_unbalanced(counts: np.ndarray) -> bool:
    """Returns whether the largest class has TIMES as many images as the smallest.

    Args:
        counts: int64[classes].
    """
    return bool(counts.max() >= TIMES * counts.min())


def remark(names: Sequence[str], counts: np.ndarray) -> str:
    """Returns what to say of unbalanced classes, with the knob that helps; "" of others.

    Args:
        names: of the classes.
        counts: int64[classes], their images.
    """
    if not is_unbalanced(counts):
        return ""
    most, least = (f"{counts[n]} images of {names[n]!r}" for n in (counts.argmax(), counts.argmin()))
    return (
        f"note: the classes are unbalanced, {most} and {least}; class_weights: balanced in params.yaml lets"
        " them count the same in training, but accuracy still counts images"
    )
