"""All randomness of an epoch, drawn in advance: a function of (seed, epoch), never of what ran before.

Each purpose has a random stream of its own, so that two variants that differ in one augmentation see the
same order and agree in all others.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from stages.runtime.modules import find

MAX_STEPS = 16  # of a chunk: signals and checkpoints come between chunks
MAX_BYTES = 64 << 20  # of a chunk's inputs


@dataclass(frozen=True)
class Chance:
    """The random streams of one purpose, such as an augmentation, in an epoch.

    Attributes:
        seed: of the training run.
        epoch: its number, from 1.
        purpose: what draws.
    """

    seed: int
    epoch: int
    purpose: str

    @cached_property
    def of_epoch(self) -> np.random.Generator:
        """The stream of this epoch."""
        return self._stream(self.epoch)

    @cached_property
    def of_run(self) -> np.random.Generator:
        """The stream of the whole run, the same in each epoch."""
        return self._stream(0)

    def _stream(self, epoch: int) -> np.random.Generator:
        number = int.from_bytes(hashlib.sha256(self.purpose.encode()).digest()[:4], "big")
        return np.random.default_rng([self.seed, epoch, number])


@dataclass(frozen=True)
class Plan:
    """What an epoch does.

    Attributes:
        rows: int64[n], the training rows of the dataset in the epoch's order.
        draws: per augmentation float32[n, d], a row for each of `rows`.
        views: int64[n], which view of each row is used; None if there is one input per row.
    """

    rows: np.ndarray
    draws: dict[str, np.ndarray]
    views: np.ndarray | None = None


@dataclass(frozen=True)
class Chunk:
    """A few steps in a row, with all that they need.

    Attributes:
        inputs: [k, batch, ...] in the dataset's own dtype.
        labels: int32[k, batch].
        draws: per augmentation float32[k, batch, d].
    """

    inputs: np.ndarray
    labels: np.ndarray
    draws: dict[str, np.ndarray]


def draw(
    rows: np.ndarray,
    *,
    seed: int,
    epoch: int,
    augmentation: Sequence[tuple[str, Any]],
    n_views: int | None = None,
) -> Plan:
    """Draws the plan of an epoch.

    Args:
        rows: int64[n], the training rows, ascending: a draw belongs to its image, in any order.
        seed: of the training run.
        epoch: its number.
        augmentation: (name, amount) of each.
        n_views: of each row; one of them is drawn. None if a row has one input.
    """
    order = Chance(seed, epoch, "order").of_epoch.permutation(len(rows))
    draws = {
        name: find("augmentation", name).draw(Chance(seed, epoch, name), len(rows), amount)[order]
        for name, amount in augmentation
    }
    views = None
    if n_views:
        views = Chance(seed, epoch, "view").of_epoch.integers(n_views, size=len(rows))[order]
    return Plan(rows[order], draws, views)


def chunks(
    plan: Plan, inputs: np.ndarray, labels: np.ndarray, batch_size: int, *, first_step: int = 0
) -> Iterator[Chunk]:
    """Yields an epoch's steps, several at a time; the last batch, if smaller, is a chunk of its own.

    Args:
        plan: of the epoch.
        inputs: one row per example, as in the dataset's file; its views, if the plan has any.
        labels: int64, likewise.
        batch_size: examples per step.
        first_step: where an interrupted epoch resumes; the end of a chunk.
    """
    shape = inputs.shape[1:] if plan.views is None else inputs.shape[2:]
    step_bytes = batch_size * int(np.prod(shape)) * inputs.dtype.itemsize
    size = max(1, min(MAX_STEPS, MAX_BYTES // step_bytes)) * batch_size
    whole = len(plan.rows) // batch_size * batch_size
    starts = [*range(0, whole, size), *([whole] if whole < len(plan.rows) else [])]
    ends = [*starts[1:], len(plan.rows)]
    for start, end in zip(starts, ends, strict=True):
        if start >= first_step * batch_size:
            yield _chunk(plan, inputs, labels, slice(start, end), min(batch_size, end - start))


def _chunk(plan: Plan, inputs: np.ndarray, labels: np.ndarray, part: slice, batch_size: int) -> Chunk:
    rows = plan.rows[part]
    chosen = inputs[rows] if plan.views is None else inputs[rows, plan.views[part]]

    def steps(array: np.ndarray) -> np.ndarray:
        return array.reshape(-1, batch_size, *array.shape[1:])

    draws = {name: steps(values[part]) for name, values in plan.draws.items()}
    return Chunk(steps(chosen), steps(labels[rows].astype(np.int32)), draws)
