"""The end of a training in numbers, seed by seed."""

import numpy as np
import pandas as pd
import pytest
from small_results import LABELS, NAMES, PROBABILITIES

from stages.results import training_end
from stages.results.run_folder import Predictions, TrainedRun, TrainedVariant


def trained(*losses, index="epoch"):
    """Returns a variant of a seed per argument: the validation losses of its epochs."""
    split = Predictions(PROBABILITIES.astype(float), LABELS)
    runs = []
    for values in losses:
        columns = {"loss": 1.0, "accuracy": 0.75, "val_loss": values, "val_accuracy": np.array(values) / 4}
        history = pd.DataFrame({index: range(1, len(values) + 1), **columns})
        runs.append(TrainedRun({"seed": len(runs)}, history, split, split, tuple(NAMES)))
    return TrainedVariant(tuple(runs))


def test_each_seed_is_the_mean_of_its_last_five_epochs():
    # before: 9, 1, 1, 1, 1, 1; the last five: 2, 1, 2, 1, 2, whose mean is 1.6
    found = training_end.at_end(trained([9, *[1] * 5, 2, 1, 2, 1, 2], [9, *[1] * 10]))["values"]
    assert found["validation_loss"] == pytest.approx([1.6, 1])
    assert found["validation_accuracy"] == pytest.approx([0.4, 0.25])
    assert (found["training_loss"], found["training_accuracy"]) == ([1, 1], [0.75, 0.75])
    assert found["gap"] == pytest.approx([0.35, 0.5])
    assert found["rise"] == pytest.approx([0.15, 0])
    # ten changes: 8 once, 0 four times, 1 five times
    assert found["oscillation"] == pytest.approx([1.3, 0.8])


def test_short_trainings_average_half_their_epochs_and_one_epoch_has_no_end():
    assert training_end.at_end(trained([4, 2]))["values"]["validation_loss"] == [2]
    assert training_end.at_end(trained([4, 2]))["values"]["rise"] == [-0.5]
    assert training_end.at_end(trained([4])) == {}
    assert training_end.at_end(trained([4, 2], index="penalty")) == {}


def test_the_choice_of_validation_images_has_a_standard_error():
    errors = training_end.at_end(trained([4, 2], [4, 2]))["errors"]
    # three of four images are right: deviation sqrt(3/16 * 4/3) = 1/2, over sqrt 4
    assert errors["validation_accuracy"] == pytest.approx(0.25)
    # losses ln 2, ln 4, ln 4/3 and 0
    losses = np.log([2, 4, 4 / 3, 1])
    assert errors["validation_loss"] == pytest.approx(losses.std(ddof=1) / 2, abs=1e-6)
