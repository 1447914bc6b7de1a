"""One training from a built network to the folder of its results."""

from pathlib import Path
from typing import Any

import keras

from stages import locks
from stages.training import artefacts, checkpoints, fitting
from stages.training.examples import Examples


def run(
    model: keras.Model,
    examples: Examples,
    variant: dict[str, Any],
    folder: Path,
    *,
    saved: keras.Model | None = None,
    first_epoch: int = 1,
) -> None:
    """Trains a model, predicts validation and test, and writes models/<variant>.

    A killed run goes on after its last whole epoch when it is started again, a stopped one after its
    last step. Its checkpoint stays until another training starts: if DVC is killed before it has
    recorded the result, it runs the stage again.

    Args:
        model: from the examples' inputs to probabilities.
        examples: what it learns from.
        variant: the resolved variant.
        folder: to write; see `artefacts.write`.
        saved: the model to save in place of `model`, sharing its layers.
        first_epoch: number of the first epoch, where the training goes on from another.
    """
    checkpoint = checkpoints.path(folder)
    with locks.held(checkpoint.with_suffix(".lock")):
        checkpoints.prune(folder)
        trained = fitting.compiled(model, variant)
        history = fitting.fit(trained, examples, variant, checkpoint=checkpoint, first_epoch=first_epoch)
        artefacts.write(
            folder,
            model=saved or model,
            history=history,
            probabilities={name: fitting.predict(trained, examples, name) for name in ("validation", "test")},
            examples=examples,
            variant=variant,
        )
