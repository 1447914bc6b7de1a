"""A network's probabilities on a split, by one look at each image or by several views of it."""

from collections.abc import Callable, Sequence

import numpy as np

from stages.datasets.prepared import Dataset

BATCH = 64  # of no influence on results beyond rounding; bounds memory
View = tuple[bool, int, int]  # mirrored, pixels down, pixels right
PLAIN: tuple[View, ...] = ((False, 0, 0),)


def views(*, flip: bool, shift: int) -> list[View]:
    """Returns the views a prediction averages: the image, shifted in four directions, and all mirrored."""
    shifts = [(0, 0), *([(shift, 0), (-shift, 0), (0, shift), (0, -shift)] if shift else [])]
    return [(mirrored, *place) for mirrored in ((False, True) if flip else (False,)) for place in shifts]


def probabilities(
    predict: Callable[[np.ndarray], np.ndarray], data: Dataset, split: str, *, over: Sequence[View] = PLAIN
) -> np.ndarray:
    """Returns probabilities on a split in stored order, float32[n, number of classes].

    Args:
        predict: as `steps.predictor` returns it.
        data: the dataset.
        split: train, validation or test.
        over: the views that are averaged.
    """
    rows = data.rows(split)
    results = []
    for start in range(0, len(rows), BATCH):
        batch = data.inputs[rows[start : start + BATCH]]
        results.append(np.mean([predict(_seen(batch, view)) for view in over], axis=0))
    return np.concatenate(results)


def loss_and_accuracy(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Returns cross-entropy, with Keras' clipping, and accuracy.

    Args:
        probabilities: float32[n, k].
        labels: int64[n] in [0, k).
    """
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return {
        "loss": float(-np.log(np.clip(true, 1e-7, 1 - 1e-7)).mean()),
        "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
    }


def _seen(images: np.ndarray, view: View) -> np.ndarray:
    mirrored, down, right = view
    if mirrored:
        images = images[:, :, ::-1]
    if down or right:
        border = max(abs(down), abs(right))
        padded = np.pad(images, ((0, 0), (border, border), (border, border), (0, 0)), mode="edge")
        height, width = images.shape[1:3]
        images = padded[:, border - down :, border - right :][:, :height, :width]
    return images
