"""Random flips and zooms of image batches, as Keras' ImageDataGenerator draws them (report 2.2)."""

import numpy as np


def flip(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirrors each image left-right with probability 1/2.

    Args:
        images: any dtype[n, height, width, channels].
        rng: draws one number per image.

    Returns:
        A new array of the same shape and dtype.
    """
    mirrored = rng.random(len(images)) < 0.5
    return np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)


def zoom(images: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Scales height and width of each image by two factors drawn from [1 - amount, 1 + amount].

    A factor below 1 brings the image closer, above 1 moves it away; pixels from outside repeat the
    edge ("nearest"), those between are interpolated linearly.

    Args:
        images: any dtype[n, height, width, channels].
        amount: in [0, 1).
        rng: draws two numbers per image.

    Returns:
        float32, same shape, within the range of the input.
    """
    factors = rng.uniform(1 - amount, 1 + amount, size=(2, len(images)))
    rows = _stretch(images.astype(np.float32), factors[0])
    columns = _stretch(rows.swapaxes(1, 2), factors[1])
    return np.ascontiguousarray(columns.swapaxes(1, 2))


def _stretch(images: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Resamples axis 1 around its centre, one factor per image."""
    size = images.shape[1]
    centre = (size - 1) / 2
    positions = factors[:, None] * (np.arange(size) - centre) + centre  # (n, size), in pixels
    positions = np.clip(positions, 0, size - 1)
    low = np.floor(positions).astype(int)
    high = np.minimum(low + 1, size - 1)
    weight = (positions - low).astype(np.float32)[:, :, None, None]
    image = np.arange(len(images))[:, None]
    return images[image, low] * (1 - weight) + images[image, high] * weight
