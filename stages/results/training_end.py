"""What a report reads off learning curves, as numbers: how each seed of a variant stands at the end."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stages.results import classification
from stages.results.run_folder import TrainedVariant

LAST = 5  # epochs that are averaged, as the value of one depends on where training happens to stop


def at_end(trained: TrainedVariant) -> dict[str, dict[str, object]]:
    """Returns the means of the last epochs, and what the choice of validation images adds.

    Returns:
        {} without at least two epochs. Otherwise "values": measure -> a number per seed: training_loss,
        training_accuracy, validation_loss, validation_accuracy; `gap`, training accuracy minus that
        of validation; `rise` of validation accuracy over the epochs before; `oscillation`, the mean change of
        the validation loss from one epoch to the next. And "errors": measure -> standard error of loss and
        accuracy of the validation split from the choice of its images.
    """
    histories = [run.history for run in trained.runs]
    if histories[0].columns[0] != "epoch" or min(map(len, histories)) < 2:
        return {}
    found = [_values(history) for history in histories]
    splits = [run.validation for run in trained.runs]
    return {
        "values": {key: [values[key] for values in found] for key in found[0]},
        "errors": {
            "validation_loss": _error([classification.losses(split) for split in splits]),
            "validation_accuracy": _error([classification.is_correct(split) for split in splits]),
        },
    }


def _values(history: pd.DataFrame) -> dict[str, float]:
    last = min(LAST, len(history) // 2)
    end, before = history[-last:], history[-2 * last : -last]
    return {
        "training_loss": float(end["loss"].mean()),
        "training_accuracy": float(end["accuracy"].mean()),
        "validation_loss": float(end["val_loss"].mean()),
        "validation_accuracy": float(end["val_accuracy"].mean()),
        "gap": float(end["accuracy"].mean() - end["val_accuracy"].mean()),
        "rise": float(end["val_accuracy"].mean() - before["val_accuracy"].mean()),
        "oscillation": float(history["val_loss"].diff().abs()[-2 * last :].mean()),
    }


def _error(of_seeds: Sequence[np.ndarray]) -> float:
    """Returns the standard error of a mean over images, from numeric[n] of each seed."""
    per_image = np.mean(of_seeds, axis=0)
    return float(per_image.std(ddof=1) / np.sqrt(len(per_image))) if len(per_image) > 1 else 0.0
