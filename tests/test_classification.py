"""Measures of predictions against values worked out by hand."""

from math import log

import numpy as np
import pytest

from stages.results.classification import (
    accuracy_per_class,
    calibration_error,
    confusion_matrix,
    cross_entropy,
    top_k_accuracy,
)
from stages.results.run_folder import Predictions


def split_of(probabilities: list[list[float]], labels: list[int]) -> Predictions:
    return Predictions(np.array(probabilities, np.float64), np.array(labels, np.int64))


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


def test_confusion_matrix_has_true_classes_in_rows():
    split = split_of([[0.9, 0.1], [0.2, 0.8], [0.2, 0.8]], [0, 0, 1])
    assert confusion_matrix(split).tolist() == [[1, 1], [0, 1]]


def test_accuracy_per_class_starts_with_the_worst_and_leaves_out_classes_without_images():
    # two seeds: baby is right in 3 of 4, apple in 2 of 4 predictions; bear has no image
    correct = np.array([[1, 0, 1, 1], [1, 0, 1, 0]], bool)
    rows = accuracy_per_class(correct, np.array([0, 0, 1, 1]), ("apple", "baby", "bear"))
    assert [(row.name, row.accuracy, row.n) for row in rows] == [("apple", 0.5, 2), ("baby", 0.75, 2)]
    assert all(row.low < row.accuracy < row.high for row in rows)


def test_the_interval_of_a_class_of_one_seed_is_wilsons():
    correct = np.array([[True] * 8 + [False] * 2])
    (row,) = accuracy_per_class(correct, np.zeros(10, int), ("apple",))
    assert (row.low, row.high) == pytest.approx((0.490162, 0.943316), abs=2e-6)
