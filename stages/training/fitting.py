"""One network in training, and what a trainer makes of it: where a run meets the way it is fitted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import keras

from stages.datasets.prepared import Dataset

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class TrainingRun:
    """A network to fit; each seed of a variant is a run of its own.

    Attributes:
        name: of the variant, as messages call it.
        seed: of order, augmentation and dropout; that of the initial weights is in the model already.
        model: from one input to probabilities; it has no optimizer, and is saved without one.
        data: what it learns from.
        knobs: of the variant, as `resolve` wrote them.
        checkpoint: the file that keeps an unfinished run.
        fingerprint: hash of all that the course of the run depends on.
        first_epoch: number of the first epoch, where the run continues another.
        has_views: whether the inputs are features, float[n, views, ...], with several views of each image.
    """

    name: str
    seed: int
    model: keras.Model
    data: Dataset
    knobs: Mapping[str, Any]
    checkpoint: Path
    fingerprint: str
    first_epoch: int = 1
    has_views: bool = False

    @property
    def augmentation(self) -> tuple[tuple[str, Any], ...]:
        """(name, amount) of each augmentation in the order in which they are applied."""
        return tuple((name, amount) for name, amount in self.knobs.get("augmentation", ()))

    def settings(self, kind: type[Settings]) -> Settings:
        """Returns the knobs for which a dataclass has fields; those that are not set keep their defaults."""
        taken = {entry.name: self.knobs[entry.name] for entry in fields(kind) if entry.name in self.knobs}
        return kind(**taken)


@dataclass(frozen=True)
class Fitted:
    """What a trainer returns, in addition to the weights of the run's model.

    Attributes:
        history: a record for each row of history.csv, all with the same keys; the first key counts the rows.
        notes: what was chosen on validation, such as {"best_epoch": 12}.
    """

    history: list[dict[str, float]]
    notes: dict[str, Any] = field(default_factory=dict)


def best(history: list[dict[str, float]], monitor: str) -> int:
    """Returns the place of the record that validated best, the first of equal ones.

    Args:
        history: at least one record.
        monitor: val_loss or val_accuracy.
    """
    values = [record[monitor] for record in history]
    return values.index(min(values) if monitor == "val_loss" else max(values))
