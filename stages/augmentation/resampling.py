"""Resampling of images along rows and columns, as two products of matrices: exact, and fast anywhere."""

from typing import Any

import keras


def resample(images: Any, rows: Any, columns: Any) -> Any:
    """Returns each image at other positions: linear between pixels, the edge repeated outside.

    Args:
        images: float32[n, height, width, channels].
        rows: float32[n, height], where each row of the result lies in the image, in pixels.
        columns: float32[n, width], likewise.

    Returns:
        float32[n, height, width, channels], within the range of the input.
    """
    n, height, width, channels = -1, *images.shape[1:]
    flat = keras.ops.reshape(images, (n, height, width * channels))
    x = keras.ops.matmul(_weights(rows, height), flat)
    x = keras.ops.transpose(keras.ops.reshape(x, (n, height, width, channels)), (0, 2, 1, 3))
    flat = keras.ops.reshape(x, (n, width, height * channels))
    x = keras.ops.matmul(_weights(columns, width), flat)
    return keras.ops.transpose(keras.ops.reshape(x, (n, width, height, channels)), (0, 2, 1, 3))


def _weights(positions: Any, size: int) -> Any:
    """Returns the share of each pixel at each position, float32[n, size, size]; each row sums to 1."""
    positions = keras.ops.clip(positions, 0, size - 1)
    pixels = keras.ops.arange(size, dtype="float32")
    return keras.ops.relu(1 - keras.ops.abs(positions[:, :, None] - pixels))
