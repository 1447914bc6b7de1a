"""What `train` predicted, read and checked before anything is computed from it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.errors import DAMAGE, InputError

SUM_TOLERANCE = 1e-3  # float32 softmax sums to 1 within about 1e-6; half precision within 1e-3

_REMEDY = "train the variant again"


@dataclass(frozen=True)
class Split:
    """The predictions for one split of the data.

    Attributes:
        probabilities: float64[n, k] in [0, 1], rows sum to 1.
        labels: int64[n] in [0, k).
    """

    probabilities: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Predictions:
    """The predictions of one variant; `class_names` holds k distinct names, label 0 first."""

    validation: Split
    test: Split
    class_names: tuple[str, ...]


def read_predictions(path: Path) -> Predictions:
    """Reads predictions.npz.

    Args:
        path: holds validation_probabilities float[n, k], validation_labels int[n], test_probabilities,
            test_labels and class_names unicode[k].

    Raises:
        InputError: the file is missing or damaged, an array is missing, or an array is not as above.
    """
    arrays = _read_arrays(path)
    names = _array(arrays, "class_names", path)
    if names.ndim != 1 or names.dtype.kind != "U" or len(set(names.tolist())) != len(names):
        received = f"class_names is {names.dtype}{list(names.shape)}"
        raise InputError(f"{path}: {received}, expected distinct names in one row; {_REMEDY}")
    validation, test = (_read_split(arrays, split, len(names), path) for split in ("validation", "test"))
    return Predictions(validation, test, tuple(names.tolist()))


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError:
        raise InputError(f"no {path}; {_REMEDY}") from None
    except DAMAGE:
        raise InputError(f"{path} is not a readable archive of NumPy arrays; {_REMEDY}") from None


def _array(arrays: dict[str, np.ndarray], name: str, path: Path) -> np.ndarray:
    if name not in arrays:
        raise InputError(f"{path}: no array {name!r}, it holds {', '.join(sorted(arrays))}; {_REMEDY}")
    return arrays[name]


def _read_split(arrays: dict[str, np.ndarray], split: str, n_classes: int, path: Path) -> Split:
    probabilities = _array(arrays, f"{split}_probabilities", path)
    labels = _array(arrays, f"{split}_labels", path)
    problem = _shape_problem(probabilities, labels, n_classes) or _value_problem(probabilities, labels)
    if problem:
        raise InputError(f"{path}: {split}_{problem}; {_REMEDY}")
    return Split(probabilities.astype(np.float64), labels.astype(np.int64))


def _shape_problem(probabilities: np.ndarray, labels: np.ndarray, n_classes: int) -> str | None:
    """Says what is wrong with shapes and dtypes; the sentence begins with the array's name."""
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        return f"labels is {labels.dtype}{list(labels.shape)}, expected one row of integers"
    if len(labels) == 0:
        return "labels is empty, expected at least one image"
    if probabilities.dtype.kind != "f" or probabilities.shape != (len(labels), n_classes):
        expected = f"float32[{len(labels)}, {n_classes}] for {len(labels)} labels, {n_classes} class names"
        return f"probabilities is {probabilities.dtype}{list(probabilities.shape)}, expected {expected}"
    return None


def _value_problem(probabilities: np.ndarray, labels: np.ndarray) -> str | None:
    """Says which row holds an impossible value; the sentence begins with the array's name."""
    n_classes = probabilities.shape[1]
    outside = (labels < 0) | (labels >= n_classes)
    if outside.any():
        row = int(outside.argmax())
        return f"labels row {row} is {int(labels[row])}, expected 0 to {n_classes - 1}"
    impossible = ~(np.isfinite(probabilities) & (probabilities >= 0)).all(axis=1)
    if impossible.any():
        row = int(impossible.argmax())
        value = next(float(value) for value in probabilities[row] if not (np.isfinite(value) and value >= 0))
        return f"probabilities row {row} holds {value!r}, expected numbers from 0 to 1"
    sums = probabilities.sum(axis=1, dtype=np.float64)
    off = np.abs(sums - 1) > SUM_TOLERANCE
    if off.any():
        row = int(off.argmax())
        return f"probabilities row {row} sums to {float(sums[row])!r}, expected 1 within {SUM_TOLERANCE}"
    return None
