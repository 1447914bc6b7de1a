"""A network made ready for its steps: compiled, with averages and the weights of its best epoch."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from stages.training import backend, checkpoints, objective, optimizers
from stages.training.fitting import TrainingRun, best
from stages.training.objective import Objective
from stages.training.optimizers import Recipe
from stages.training.steps import StepFunction, Update, step_function

Pairs = list[tuple[Any, Any]]  # of a copy and the weight that it is of


@dataclass(frozen=True)
class Epochs:
    """Knobs of how long a network trains.

    Attributes:
        epochs: passes over the training images, at most.
        batch_size: examples per step.
        patience: epochs without improvement after which training stops; 0 for never.
        restore_best: whether it ends with the weights of its best epoch.
        monitor: val_loss or val_accuracy, which decides the best epoch; the first of equal ones.
    """

    epochs: int
    batch_size: int
    patience: int = 0
    restore_best: bool = False
    monitor: str = "val_loss"

    def best(self, history: list[dict[str, float]]) -> int:
        """Returns the place of the best epoch in a history."""
        return best(history, self.monitor)


@dataclass(frozen=True)
class Session:
    """A run with all that its steps need.

    Attributes:
        run: what is trained.
        epochs: how long.
        recipe: how weights move.
        model: compiled; it shares its layers with the run's model.
        average: (moving average, weight) of each weight that is averaged; empty if none is.
        best: (copy, weight) of each weight, the copies being those of the best epoch; empty if not wanted.
        base_rate: the optimizer's own learning rate.
    """

    run: TrainingRun
    epochs: Epochs
    recipe: Recipe
    model: keras.Model
    average: Pairs
    best: Pairs
    base_rate: float

    @property
    def variables(self) -> list[Any]:
        """All that a checkpoint keeps: weights, seeds, the optimizer's state, averages, the best weights."""
        copies = [copy for copy, _ in (*self.average, *self.best)]
        return [*self.model.variables, *self.model.optimizer.variables, *copies]

    @cached_property
    def train_rows(self) -> np.ndarray:
        """The rows of the training examples, int64[n]."""
        return self.run.data.rows("train")

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches of an epoch, the last and smaller one included."""
        return math.ceil(len(self.train_rows) / self.epochs.batch_size)

    def step_function(self) -> StepFunction:
        """Returns the function that computes a chunk of its steps.

        Raises:
            InputError: a prefix of rate_multipliers that no layer has.
        """
        factors = optimizers.multipliers(self.recipe, self.run.model, self.run.name)
        return step_function(
            self.model,
            example=self.run.data.inputs[(0, 0) if self.run.has_views else 0],
            augmentation=self.run.augmentation,
            update=Update(self.average, factors, self.recipe.sets_rate),
        )

    def rates(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns learning rate and decay of the average of steps, by their numbers over all epochs."""
        total = self.epochs.epochs * self.steps_per_epoch
        rates = optimizers.learning_rates(self.recipe, self.base_rate, numbers, total)
        return rates, optimizers.average_decays(self.recipe.ema, numbers)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Gives the model its averaged weights within a block."""
        weights = [weight for _, weight in self.average]
        before = checkpoints.state(weights)
        take(self.average)
        try:
            yield
        finally:
            checkpoints.assign(weights, before)


def prepare(run: TrainingRun) -> Session:
    """Makes a run ready; the given model stays without an optimizer, and is saved like that.

    Raises:
        InputError: Keras refuses the optimizer.
    """
    recipe, epochs = run.settings(Recipe), run.settings(Epochs)
    model = keras.Model(run.model.inputs[0], run.model.outputs[0])
    labels = run.data.labels[run.data.rows("train")]
    minimised = objective.build(run.settings(Objective), run.knobs, labels, len(run.data.class_names))
    optimizer = optimizers.build(recipe, model.trainable_variables)
    metrics = ["accuracy", objective.plain_cross_entropy]
    model.compile(optimizer, minimised, metrics=metrics, jit_compile=backend.jit_compile())
    model.optimizer.build(model.trainable_variables)  # what scales the losses of float16 around the optimizer
    average = _copies([weight for weight in model.weights if recipe.ema and "float" in weight.dtype])
    best = _copies(model.weights if epochs.restore_best else [])
    rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    return Session(run, epochs, recipe, model, average, best, rate)


def _copies(weights: list[Any]) -> Pairs:
    """Returns (copy in float32, weight) of each; copied, as JAX reuses the memory of the weights."""
    values = [value.astype(np.float32) for value in checkpoints.state(weights)]
    return [
        (keras.Variable(value, trainable=False), weight)
        for value, weight in zip(values, weights, strict=True)
    ]


def take(pairs: Pairs) -> None:
    """Gives weights the values of their copies; through NumPy, as JAX would share the memory."""
    copies, weights = zip(*pairs, strict=True) if pairs else ((), ())
    checkpoints.assign(weights, checkpoints.state(copies))


def keep(pairs: Pairs) -> None:
    """Gives copies the values of their weights."""
    copies, weights = zip(*pairs, strict=True) if pairs else ((), ())
    checkpoints.assign(copies, checkpoints.state(weights))
