"""Measures of predictions against values worked out by hand."""

from math import log
from pathlib import Path

import numpy as np
import pytest

from stages.errors import InputError
from stages.results.classification import (
    accuracy_per_class,
    calibration_error,
    confusion_matrix,
    cross_entropy,
    measure,
    top_k_accuracy,
    wilson_interval,
)
from stages.results.predictions import Split, read_predictions


def split_of(probabilities: list[list[float]], labels: list[int]) -> Split:
    return Split(np.array(probabilities, np.float64), np.array(labels, np.int64))


def arrays_of(n: int = 4) -> dict[str, np.ndarray]:
    """Returns sound arrays: n images per split, two classes."""
    probabilities = np.tile(np.array([0.25, 0.75], np.float32), (n, 1))
    labels = np.arange(n) % 2
    splits = {f"{split}_probabilities": probabilities.copy() for split in ("validation", "test")}
    splits |= {f"{split}_labels": labels.copy() for split in ("validation", "test")}
    return splits | {"class_names": np.array(["apple", "baby"])}


def save(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    path = folder / "predictions.npz"
    np.savez(path, **arrays)
    return path


def test_cross_entropy_is_the_mean_of_the_true_classes_negative_logarithms():
    # -ln(1/2) = ln 2 and -ln(1/4) = 2 ln 2; their mean is 1.5 ln 2
    split = split_of([[0.5, 0.5], [0.75, 0.25]], [0, 1])
    assert cross_entropy(split) == pytest.approx(1.5 * log(2), rel=1e-12)


def test_cross_entropy_of_an_impossible_class_is_clipped_as_keras_does():
    # the probability 0 counts as 1e-7: -ln(1e-7) = 7 ln 10
    assert cross_entropy(split_of([[1.0, 0.0]], [1])) == pytest.approx(7 * log(10), rel=1e-12)


def test_top_k_accuracy_counts_true_classes_among_the_k_likeliest():
    split = split_of([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], [0, 1, 2])
    # the true class is 1st, 2nd and 3rd
    assert [top_k_accuracy(split, k) for k in (1, 2, 3, 5)] == pytest.approx([1 / 3, 2 / 3, 1, 1])


def test_equal_probabilities_do_not_count_as_right_for_every_class():
    # a network that has learnt nothing is right by chance: one of four, and three of four in its top 3
    split = split_of([[0.25] * 4] * 4, [0, 1, 2, 3])
    assert top_k_accuracy(split, 1) == 0.25
    assert top_k_accuracy(split, 3) == 0.75


def test_calibration_error_adds_up_the_gaps_of_each_bin():
    # confidence 0.6, one of two right: gap 0.1; confidence 0.9, two of two right: gap 0.1.
    # Over all four the gaps would cancel: accuracy 0.75, mean confidence 0.75.
    split = split_of([[0.6, 0.4], [0.6, 0.4], [0.9, 0.1], [0.9, 0.1]], [0, 1, 0, 0])
    assert calibration_error(split) == pytest.approx(0.1, abs=1e-12)


def test_calibration_bins_are_one_fifteenth_wide_and_closed_on_the_right():
    # 10/15 lies in the bin (9/15, 10/15]; 0.67 in the next one, so the gaps 1/3 and 0.67 do not cancel
    split = split_of([[10 / 15, 5 / 15], [0.67, 0.33]], [0, 1])
    assert calibration_error(split) == pytest.approx((1 - 10 / 15 + 0.67) / 2, abs=1e-12)


def test_full_confidence_falls_into_the_last_bin():
    assert calibration_error(split_of([[1.0, 0.0]], [1])) == pytest.approx(1.0)


def test_wilson_interval_of_eight_in_ten_is_the_textbooks():
    # z = 1.95996, z^2 = 3.84146: centre (0.8 + 0.192073) / 1.384146 = 0.716739,
    # half 1.95996 / 1.384146 * sqrt(0.016 + 0.0096036) = 0.226577
    assert wilson_interval(0.8, 10) == pytest.approx((0.490162, 0.943316), abs=2e-6)


def test_wilson_interval_of_none_in_ten_starts_at_zero():
    # the upper bound is z^2 / (n + z^2) = 3.84146 / 13.84146
    assert wilson_interval(0.0, 10) == pytest.approx((0.0, 0.277533), abs=1e-6)


def test_confusion_matrix_has_true_classes_in_rows():
    split = split_of([[0.9, 0.1], [0.2, 0.8], [0.2, 0.8]], [0, 0, 1])
    assert confusion_matrix(split).tolist() == [[1, 1], [0, 1]]


def test_accuracy_per_class_starts_with_the_worst_and_leaves_out_classes_without_images():
    confusion = np.array([[3, 1, 0], [1, 1, 0], [0, 0, 0]])
    assert accuracy_per_class(confusion, ("apple", "baby", "bear")) == [("baby", 0.5, 2), ("apple", 0.75, 4)]


def test_measures_are_plain_python_numbers():
    measures = measure(split_of([[0.9, 0.1], [0.2, 0.8]], [0, 0]))
    assert {type(value) for value in measures.values()} == {float, int}
    assert measures["n"] == 2
    assert measures["accuracy_low"] < measures["accuracy"] == 0.5 < measures["accuracy_high"]


def test_sound_predictions_are_read_as_they_are(tmp_path):
    predictions = read_predictions(save(tmp_path, arrays_of()))
    assert predictions.class_names == ("apple", "baby")
    assert predictions.test.labels.tolist() == [0, 1, 0, 1]
    assert predictions.test.probabilities.tolist() == [[0.25, 0.75]] * 4


def test_rounding_of_half_precision_is_no_mistake(tmp_path):
    arrays = arrays_of()
    arrays["test_probabilities"][2] = [0.25, 0.7509]
    assert read_predictions(save(tmp_path, arrays)).test.probabilities.shape == (4, 2)


@pytest.mark.parametrize(
    ("name", "place", "value", "message"),
    [
        (
            "test_probabilities",
            (1, 0),
            np.nan,
            "test_probabilities row 1 holds nan, expected numbers from 0 to 1",
        ),
        (
            "test_probabilities",
            (1, 0),
            np.inf,
            "test_probabilities row 1 holds inf, expected numbers from 0 to 1",
        ),
        (
            "test_probabilities",
            2,
            [-0.5, 1.5],
            "test_probabilities row 2 holds -0.5, expected numbers from 0 to 1",
        ),
        (
            "validation_probabilities",
            (3, 0),
            0.5,
            "validation_probabilities row 3 sums to 1.25, expected 1 within 0.001",
        ),
        ("test_labels", 3, 2, "test_labels row 3 is 2, expected 0 to 1"),
        ("validation_labels", 0, -1, "validation_labels row 0 is -1, expected 0 to 1"),
    ],
)
def test_impossible_values_are_named_with_their_row(tmp_path, name, place, value, message):
    arrays = arrays_of()
    arrays[name][place] = value
    path = save(tmp_path, arrays)
    with pytest.raises(InputError) as error:
        read_predictions(path)
    assert str(error.value) == f"{path}: {message}; train the variant again"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"test_labels": np.zeros(3, np.int64)},
            "test_probabilities is float32[4, 2], expected float32[3, 2] for 3 labels, 2 class names",
        ),
        (
            {"class_names": np.array(["a"])},
            "validation_probabilities is float32[4, 2], expected float32[4, 1] for 4 labels, 1 class names",
        ),
        ({"test_labels": np.zeros(4)}, "test_labels is float64[4], expected one row of integers"),
        ({"test_labels": np.zeros(0, np.int64)}, "test_labels is empty, expected at least one image"),
        ({"class_names": np.array(["a", "a"])}, "class_names is <U1[2], expected distinct names in one row"),
    ],
)
def test_shapes_that_do_not_fit_are_named(tmp_path, changes, message):
    path = save(tmp_path, arrays_of() | changes)
    with pytest.raises(InputError) as error:
        read_predictions(path)
    assert str(error.value) == f"{path}: {message}; train the variant again"


def test_a_missing_array_is_named_beside_those_that_are_there(tmp_path):
    arrays = arrays_of()
    del arrays["test_labels"]
    path = save(tmp_path, arrays)
    with pytest.raises(InputError) as error:
        read_predictions(path)
    there = "class_names, test_probabilities, validation_labels, validation_probabilities"
    assert str(error.value) == f"{path}: no array 'test_labels', it holds {there}; train the variant again"


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut short"])
def test_a_damaged_file_is_one_message(tmp_path, content):
    path = tmp_path / "predictions.npz"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_predictions(path)
    assert str(error.value) == f"{path} is not a readable archive of NumPy arrays; train the variant again"


def test_pickled_objects_are_not_loaded(tmp_path):
    path = save(tmp_path, arrays_of() | {"class_names": np.array([{"a": 1}, "b"], dtype=object)})
    with pytest.raises(InputError, match="is not a readable archive of NumPy arrays"):
        read_predictions(path)
