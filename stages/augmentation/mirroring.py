"""Mirroring of some images of a batch."""

from typing import Any

import keras


def mirrored(images: Any, chosen: Any) -> Any:
    """Mirrors left-right those images that are chosen.

    Args:
        images: float32[n, height, width, channels].
        chosen: bool[n].

    Returns:
        float32[n, height, width, channels].
    """
    # 0 or 1 per image: TensorFlow's `where` takes three times as long
    share = keras.ops.cast(chosen, images.dtype)[:, None, None, None]
    return keras.ops.flip(images, axis=2) * share + images * (1 - share)
