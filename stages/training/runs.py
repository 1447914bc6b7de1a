"""One training run, from a built network to the folder of its results."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from stages.datasets.prepared import SPLITS, Dataset
from stages.results import run_folder
from stages.runtime import locks
from stages.runtime.resolved import Resolved
from stages.training import backend, card, checkpoints, loop, prediction, steps
from stages.training.saving import save_model
from stages.training.settings import from_knobs, recipe


def run(
    model: keras.Model,
    data: Dataset,
    resolved: Resolved,
    folder: Path,
    *,
    dataset: str,
    saved: keras.Model | None = None,
    first_epoch: int = 1,
) -> None:
    """Trains a model, predicts validation and test, and writes models/<name>.

    A killed run resumes after its last whole epoch when it is started again, a stopped one after its last
    step. Its checkpoint stays until another run starts: if DVC is killed before it has recorded the
    result, it runs the stage again.

    Args:
        model: from the dataset's inputs to probabilities.
        data: what it learns from.
        resolved: the variant.
        folder: to write; see `run_folder.write`.
        dataset: the name of its data.
        saved: the model to save in place of `model`, sharing its layers.
        first_epoch: number of the first epoch, where the run continues another.
    """
    settings, checkpoint = from_knobs(resolved.knobs), checkpoints.path(folder)
    with locks.held(checkpoint.with_suffix(".lock"), writing=folder):
        checkpoints.prune(folder)
        training = loop.prepare(model, data, settings)
        history = loop.fit(training, checkpoint=checkpoint, code=resolved.code, first_epoch=first_epoch)
        predict = steps.predictor(training.model)
        views = prediction.views(flip=settings.tta_flip, shift=settings.tta_shift)
        predictions = {
            split: (
                prediction.probabilities(predict, data, split, over=views),
                data.labels[data.rows(split)],
            )
            for split in ("validation", "test")
        }
        about = {"variant": settings.name, "dataset": dataset, "class_names": data.class_names}
        record = _record(saved or model, data, resolved) | {"dataset": dataset}
        run_folder.write(
            folder,
            save_model=lambda path: save_model(saved or model, path, about),
            card=card.text(saved or model, record, predictions["test"]),
            history=history,
            predictions=predictions,
            class_names=data.class_names,
            record=record,
        )


def _record(model: keras.Model, data: Dataset, resolved: Resolved) -> dict[str, Any]:
    """Returns run.json: what ran on what, without times, so that equal runs are equal bytes."""
    settings = from_knobs(resolved.knobs)
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return {
        "name": settings.name,
        "epochs": settings.epochs,
        "seed": settings.seed,
        "precision": settings.precision,
        "parameters": {"total": model.count_params(), "trainable": trainable},
        "classes": len(data.class_names),
        "splits": {split: len(data.rows(split)) for split in SPLITS},
        "inputs": data.hashes,
        "recipe": recipe(resolved.knobs),
        **backend.environment(settings.threads),
    }
