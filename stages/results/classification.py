"""How good predictions are: loss, accuracy, calibration, confusion.

All of it is NumPy on predicted probabilities, so that no stage needs a model to measure one.
"""

from typing import NamedTuple

import numpy as np

from stages.results.run_folder import Predictions
from stages.results.statistics import accuracy_interval

EPSILON = 1e-7  # keras.config.epsilon(): Keras clips probabilities to [1e-7, 1 - 1e-7] before the logarithm
CALIBRATION_BINS = 15  # Guo et al. 2017, On Calibration of Modern Neural Networks, section 5


class ClassAccuracy(NamedTuple):
    """How well a class is recognised: mean over seeds, test images of one seed, and the 95 % interval."""

    name: str
    accuracy: float
    n: int
    low: float
    high: float


def measure(split: Predictions) -> dict[str, float]:
    """Measures one split.

    Returns:
        loss, accuracy, top5 (accuracy), ece (calibration error).
    """
    return {
        "loss": cross_entropy(split),
        "accuracy": top_k_accuracy(split, 1),
        "top5": top_k_accuracy(split, 5),
        "ece": calibration_error(split),
    }


def predicted_labels(split: Predictions) -> np.ndarray:
    """Returns int64[n]: the likeliest class, the first of several equally likely ones."""
    return split.probabilities.argmax(axis=1)


def is_correct(split: Predictions) -> np.ndarray:
    """Returns bool[n]: whether the predicted class is the true one."""
    return predicted_labels(split) == split.labels


def cross_entropy(split: Predictions) -> float:
    """Returns the mean of `losses`."""
    return float(losses(split).mean())


def losses(split: Predictions) -> np.ndarray:
    """Returns float64[n]: -ln(probability of the true class) of each image, clipped as Keras does."""
    true = split.probabilities[np.arange(len(split.labels)), split.labels]
    return -np.log(np.clip(true, EPSILON, 1 - EPSILON))


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
    correct = is_correct(split)
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1)
    images, confidences, right = (
        np.bincount(bins, weights=weights, minlength=CALIBRATION_BINS)
        for weights in (np.ones(len(bins)), confidence, correct)
    )
    return images, confidences, right


def confusion_matrix(split: Predictions) -> np.ndarray:
    """Returns int64[k, k]: images of class `row` predicted as class `column`."""
    n_classes = split.probabilities.shape[1]
    cells = split.labels * n_classes + predicted_labels(split)
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def accuracy_per_class(
    correct: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]
) -> list[ClassAccuracy]:
    """Returns the classes that have test images from the worst to the best; ties by class number.

    Args:
        correct: bool[s, n], what each seed gets right.
        labels: int64[n].
        class_names: by label.
    """
    found = []
    for label, name in enumerate(class_names):
        of_class = correct[:, labels == label]
        if of_class.size:
            accuracy, low, high, *_ = accuracy_interval(of_class)
            found.append(ClassAccuracy(name, accuracy, of_class.shape[1], low, high))
    return sorted(found, key=lambda entry: entry.accuracy)
