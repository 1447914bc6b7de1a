"""The batches of an epoch: a function of (seed, epoch), never of what ran before."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from stages.training.augmentation import flip, zoom
from stages.training.examples import Examples


def training_batches(
    examples: Examples, variant: dict[str, Any], epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the shuffled, augmented training batches of one epoch; the last may be smaller.

    Args:
        examples: all inputs; those of the training set are used.
        variant: `seed`, `batch_size`, and, for pictures, `flip` and `zoom` are used.
        epoch: any whole number; each has an order and an augmentation of its own.

    Yields:
        Inputs, float32[batch, ...], and labels, int64[batch].
    """
    rng = np.random.default_rng([variant["seed"], epoch])
    order = rng.permutation(examples.rows("train"))
    for start in range(0, len(order), variant["batch_size"]):
        rows = order[start : start + variant["batch_size"]]
        inputs = examples.inputs[rows]
        if variant.get("flip"):
            inputs = flip(inputs, rng)
        if variant.get("zoom"):
            inputs = zoom(inputs, variant["zoom"], rng)
        yield inputs.astype(np.float32), examples.labels[rows]


def ordered_batches(examples: Examples, name: str, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields a set (train, validation or test) in its stored order, as it is.

    Yields:
        Inputs, float32[size or less, ...], and labels, int64[size or less].
    """
    rows = examples.rows(name)
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        yield examples.inputs[part].astype(np.float32), examples.labels[part]
