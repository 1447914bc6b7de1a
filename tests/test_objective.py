"""What a training minimises: a loss by its name, with the knobs it takes and weights of the classes."""

import numpy as np
import pytest

from stages.training import objective
from stages.training.objective import Objective

pytestmark = pytest.mark.usefixtures("keras_configured")

LABELS = np.array([0, 0, 0, 0, 1, 1])  # of the training examples; class 2 has none
TARGETS = np.array([[1, 0, 0], [0, 1, 0], [0.25, 0.75, 0]], np.float32)
OUTPUTS = np.array([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25], [0.25, 0.5, 0.25]], np.float32)
CROSS_ENTROPY = np.log([2, 4, 4**0.25 * 2**0.75])


def losses(knobs=None, **chosen):
    return np.asarray(objective.build(Objective(**chosen), knobs or {}, LABELS, 3)(TARGETS, OUTPUTS))


def test_a_loss_takes_the_knobs_that_it_names_and_no_others():
    found = losses({"label_smoothing": 0.3, "epochs": 5})
    smoothed = 0.7 * TARGETS + 0.1
    assert np.allclose(found, -(smoothed * np.log(OUTPUTS)).sum(axis=1), atol=1e-6)
    plain = losses({"label_smoothing": 0.3}, loss="squared_error")
    assert np.array_equal(plain, losses(loss="squared_error"))


def test_balanced_classes_weigh_the_same_and_a_mixed_target_by_its_shares():
    # 6 examples of 3 classes: 6 / (3 · 4) and 6 / (3 · 2)
    expected = CROSS_ENTROPY * [0.5, 1.0, 0.25 * 0.5 + 0.75 * 1.0]
    assert np.allclose(losses(class_weights="balanced"), expected, atol=1e-6)
    squared = losses(loss="squared_error", class_weights="balanced")
    assert np.allclose(squared, [0.375 * 0.5, 0.875, 0.125 * 0.875])


def test_weights_are_one_on_average_over_the_examples_and_a_class_without_examples_is_no_division_by_zero():
    weights = objective._balanced(LABELS, 3)
    assert weights.tolist() == [0.5, 1.0, 2.0]
    every = objective._balanced(np.repeat([0, 1, 2], [10, 5, 1]), 3)
    assert every[np.repeat([0, 1, 2], [10, 5, 1])].mean() == pytest.approx(1)
