"""How good predictions are: loss, accuracy with its uncertainty, calibration, confusion.

All of it is NumPy on predicted probabilities, so that no stage needs a model to measure one.
"""

from statistics import NormalDist
from typing import Any

import numpy as np

from stages.results.run_folder import Predictions

EPSILON = 1e-7  # keras.config.epsilon(): Keras clips probabilities to [1e-7, 1 - 1e-7] before the logarithm
CALIBRATION_BINS = 15  # Guo et al. 2017, On Calibration of Modern Neural Networks, section 5
CONFIDENCE = 0.95


def measure(split: Predictions) -> dict[str, float]:
    """Measures one split.

    Returns:
        loss, accuracy, low and high (its 95 % Wilson interval), top5 (accuracy), ece (calibration error).
    """
    accuracy = top_k_accuracy(split, 1)
    low, high = wilson_interval(accuracy, len(split.labels))
    return {
        "loss": cross_entropy(split),
        "accuracy": accuracy,
        "low": float(low),
        "high": float(high),
        "top5": top_k_accuracy(split, 5),
        "ece": calibration_error(split),
    }


def predicted_labels(split: Predictions) -> np.ndarray:
    """Returns int64[n]: the likeliest class, the first of several equally likely ones."""
    return split.probabilities.argmax(axis=1)


def cross_entropy(split: Predictions) -> float:
    """Returns the mean of -ln(probability of the true class), clipped as Keras does."""
    true = split.probabilities[np.arange(len(split.labels)), split.labels]
    return float(-np.log(np.clip(true, EPSILON, 1 - EPSILON)).mean())


def top_k_accuracy(split: Predictions, k: int) -> float:
    """Returns the share of images whose true class is among the k likeliest, ties by class number.

    With fewer than k classes it is 1.
    """
    order = np.argsort(-split.probabilities, axis=1, kind="stable")[:, :k]  # (n, k)
    return float((order == split.labels[:, np.newaxis]).any(axis=1).mean())


def calibration_error(split: Predictions) -> float:
    """Returns the expected calibration error: the mean |accuracy - confidence| over bins of confidence.

    Bins are equally wide, closed on the right, and weighted by their images (Guo et al. 2017, eq. 5).
    """
    images, confidence, correct = calibration_bins(split)
    return float(np.abs(correct - confidence).sum() / images.sum())


def calibration_bins(split: Predictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the bins of `calibration_error`, each float64[CALIBRATION_BINS].

    They are: images of each bin, the sum of their confidences, and how many of them are right.
    """
    confidence = split.probabilities.max(axis=1)
    correct = predicted_labels(split) == split.labels
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1)
    images, confidences, right = (
        np.bincount(bins, weights=weights, minlength=CALIBRATION_BINS)
        for weights in (np.ones(len(bins)), confidence, correct)
    )
    return images, confidences, right


def wilson_interval(share: float | np.ndarray, n: int | np.ndarray) -> tuple[Any, Any]:
    """Returns the 95 % interval of a share seen in n independent trials (Wilson 1927).

    Args:
        share: float or float[m] in [0, 1].
        n: positive int or int[m].

    Returns:
        Lower and upper bound in [0, 1], each shaped as the arguments.
    """
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def difference_interval(share: float, n: int, other: float, n_other: int) -> tuple[float, float]:
    """Returns the 95 % interval of `share - other`, two shares seen in independent trials.

    Both sides' sampling errors count: the square-and-add method on two Wilson intervals, method 10 of
    Newcombe 1998, Interval estimation for the difference between independent proportions, Statistics in
    Medicine 17, 873-890.

    Args:
        share: in [0, 1], of `n` trials.
        n: positive.
        other: in [0, 1], of `n_other` trials.
        n_other: positive.
    """
    (low, high), (other_low, other_high) = wilson_interval(share, n), wilson_interval(other, n_other)
    below = np.hypot(share - low, other_high - other)
    above = np.hypot(high - share, other - other_low)
    return float(share - other - below), float(share - other + above)


def confusion_matrix(split: Predictions) -> np.ndarray:
    """Returns int64[k, k]: images of class `row` predicted as class `column`."""
    n_classes = split.probabilities.shape[1]
    cells = split.labels * n_classes + predicted_labels(split)
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def accuracy_per_class(confusion: np.ndarray, class_names: tuple[str, ...]) -> list[tuple[str, float, int]]:
    """Returns (class, accuracy, n images) from the worst class to the best; ties by class number.

    A class without images has no accuracy and is left out.
    """
    totals = confusion.sum(axis=1)
    rows = [
        (name, float(confusion[label, label] / totals[label]), int(totals[label]))
        for label, name in enumerate(class_names)
        if totals[label]
    ]
    return sorted(rows, key=lambda row: row[1])
