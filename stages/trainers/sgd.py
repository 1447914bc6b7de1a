"""Steps of a gradient optimizer: epochs of a few steps at a time, a record and a checkpoint after each."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from stages.networks.seeds import layer_seed
from stages.runtime import progress, signals
from stages.runtime.errors import InputError
from stages.training import backend, checkpoints, objective, optimizers, plan
from stages.training.checkpoints import Progress
from stages.training.objective import Objective
from stages.training.optimizers import Recipe
from stages.training.prediction import Predict, loss_and_accuracy, predictor, probabilities
from stages.training.run import Fitted, TrainingRun
from stages.training.steps import StepFunction, Update, step_function

KNOBS = [  # read without importing
    "epochs", "batch_size", "patience", "restore_best", "monitor",
    "optimizer", "schedule", "warmup", "rate_multipliers", "weight_decay_on", "ema",
    "loss", "class_weights",
]  # fmt: skip


@dataclass(frozen=True)
class Epochs:
    """Knobs of how long a network trains.

    Attributes:
        epochs: passes over the training images, at most.
        batch_size: examples per step.
        patience: epochs without improvement after which the training stops; 0 for never.
        restore_best: whether it ends with the weights of its best epoch.
        monitor: val_loss or val_accuracy: which epoch is the best; the first of equal ones.
    """

    epochs: int
    batch_size: int
    patience: int = 0
    restore_best: bool = False
    monitor: str = "val_loss"


@dataclass(frozen=True)
class Training:
    """A run with all that its steps need.

    Attributes:
        run: what is trained.
        epochs: how long.
        recipe: how weights move.
        model: compiled; it shares its layers with the run's model.
        average: (moving average, weight) of each weight that is averaged; empty where none is.
        best: (copy, weight) of each weight, the copies being those of the best epoch; empty if not wanted.
        base_rate: the optimizer's own learning rate.
    """

    run: TrainingRun
    epochs: Epochs
    recipe: Recipe
    model: keras.Model
    average: list[tuple[Any, Any]]
    best: list[tuple[Any, Any]]
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


def fit(run: TrainingRun) -> Fitted:
    """Trains, resuming from a checkpoint of the same run; ends with the averaged or the best weights, if asked.

    There is a checkpoint after every epoch, and where a signal asks the process to end.

    Args:
        run: its model's weights change.

    Returns:
        Per epoch: epoch, loss (plain cross-entropy) and accuracy (running means while training, of augmented
        images), val_loss, val_accuracy, learning_rate; the best epoch, where the run ends with it.

    Raises:
        InputError: the loss is no longer finite, or Keras refuses the optimizer.
    """
    training = prepare(run)
    advance = step_function(
        training.model,
        dtype=run.data.inputs.dtype,
        augmentation=run.augmentation,
        update=Update(
            training.average,
            optimizers.multipliers(training.recipe, run.model, run.name),
            training.recipe.sets_rate,
        ),
    )
    _warm_up(training, advance)
    predict = predictor(training.model)
    done = checkpoints.restore(run.checkpoint, training.variables, run.fingerprint)
    if done != Progress():
        print(f"{run.name}: resuming after {done}", flush=True)
    while not _is_over(training, done):
        _epoch(training, advance, predict, done)
    _take(training.best or training.average)
    return Fitted(done.history, _notes(training, done.history))


def prepare(run: TrainingRun) -> Training:
    """Makes a run ready; the model given stays without optimizer, and is saved so.

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
    average = _copies([weight for weight in model.weights if recipe.ema and "float" in weight.dtype])
    best = _copies(model.weights if epochs.restore_best else [])
    rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    return Training(run, epochs, recipe, model, average, best, rate)


def _copies(weights: list[Any]) -> list[tuple[Any, Any]]:
    """Returns (copy in float32, weight) of each; copies, as JAX reuses the memory of the weights."""
    values = [value.astype(np.float32) for value in checkpoints.state(weights)]
    return [
        (keras.Variable(value, trainable=False), weight)
        for value, weight in zip(values, weights, strict=True)
    ]


def _is_over(training: Training, done: Progress) -> bool:
    """Returns whether all epochs are done, or too many without improvement."""
    epochs, history = training.epochs, done.history
    if len(history) == epochs.epochs:
        return True
    stale = len(history) - 1 - _best(training, history) if history and not done.steps else 0
    return bool(epochs.patience) and stale >= epochs.patience


def _best(training: Training, history: list[dict[str, float]]) -> int:
    """Returns the place of the best epoch in the history, the first of equal ones."""
    values = [record[training.epochs.monitor] for record in history]
    return values.index(min(values) if training.epochs.monitor == "val_loss" else max(values))


def _notes(training: Training, history: list[dict[str, float]]) -> dict[str, Any]:
    """Returns what validation decided."""
    notes: dict[str, Any] = {}
    if training.epochs.patience and len(history) < training.epochs.epochs:
        notes["stopped_after"] = history[-1]["epoch"]
    if training.epochs.restore_best:
        notes["best_epoch"] = history[_best(training, history)]["epoch"]
    return notes


def _epoch(training: Training, advance: StepFunction, predict: Predict, done: Progress) -> None:
    """Trains the rest of an epoch, or up to a signal, which ends the process after the checkpoint."""
    run = training.run
    epoch = run.first_epoch + len(done.history)
    with signals.deferred() as received:
        _train(training, advance, epoch, done, received)
        if not received:
            done.history.append(_record(training, predict, epoch, done))
            done.steps = []
        checkpoints.save(run.checkpoint, training.variables, done, run.fingerprint)
        _report(training, done, is_stopped=bool(received))


def _train(
    training: Training, advance: StepFunction, epoch: int, done: Progress, received: list[int]
) -> None:
    """Trains an epoch from after the steps that are done, which it adds to, to its end or a signal."""
    run, per_epoch = training.run, training.steps_per_epoch
    if not done.steps:
        _seed_dropout(training.model, run.seed, epoch)
    drawn = _plan(training, training.train_rows, run.seed, epoch)
    with progress.bar(f"epoch {epoch}", total=per_epoch, done=len(done.steps), leave=False) as bar:
        for chunk in plan.chunks(
            drawn, run.data.inputs, run.data.labels, training.epochs.batch_size, first_step=len(done.steps)
        ):
            numbers = len(done.history) * per_epoch + len(done.steps) + np.arange(len(chunk.inputs))
            for loss, accuracy in advance(chunk, *_rates(training, numbers)).tolist():
                done.steps.append((chunk.labels.shape[1], loss, accuracy))
                if not math.isfinite(loss):
                    raise _diverged(run, f"loss is {loss} in epoch {epoch}, step {len(done.steps)}")
            bar.update(len(chunk.inputs))
            if received:
                return


def _diverged(run: TrainingRun, what: str) -> InputError:
    return InputError(f"variant {run.name!r}: the {what}; lower the learning_rate")


def _plan(training: Training, rows: np.ndarray, seed: int, epoch: int) -> plan.Plan:
    run = training.run
    n_views = run.data.inputs.shape[1] if run.has_views else None
    return plan.draw(rows, seed=seed, epoch=epoch, augmentation=run.augmentation, n_views=n_views)


def _rates(training: Training, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns learning rate and decay of the average of steps, by their numbers over all epochs."""
    total = training.epochs.epochs * training.steps_per_epoch
    rates = optimizers.learning_rates(training.recipe, training.base_rate, numbers, total)
    return rates, optimizers.average_decays(training.recipe.ema, numbers)


def _warm_up(training: Training, advance: StepFunction) -> None:
    """Computes a step of a whole and of the last batch, and leaves the run as it was.

    TensorFlow's choice of kernels, and with it the last bits, depends on the size of the batch it saw
    first; a run that resumes in the middle of an epoch might see the last and smaller one first.
    """
    before = checkpoints.state(training.variables)
    rows, size, data = training.train_rows, training.epochs.batch_size, training.run.data
    for n in dict.fromkeys((min(size, len(rows)), len(rows) % size or min(size, len(rows)))):
        drawn = _plan(training, rows[:n], seed=0, epoch=0)
        (chunk,) = plan.chunks(drawn, data.inputs, data.labels, n)
        advance(chunk, *_rates(training, np.zeros(1, np.int64)))
    checkpoints.assign(training.variables, before)


def _record(training: Training, predict: Predict, epoch: int, done: Progress) -> dict[str, float]:
    """Returns the history's record of an epoch whose steps are all done; keeps its weights if it is the best."""
    run = training.run
    sizes, losses, accuracies = np.array(done.steps).T
    record = {
        "epoch": epoch,
        "loss": float(np.average(losses, weights=sizes)),
        "accuracy": float(np.average(accuracies, weights=sizes)),
    }
    with _averaged(training):
        found = probabilities(predict, run.data, "validation", has_views=run.has_views)
        measured = loss_and_accuracy(found, run.data.labels[run.data.rows("validation")])
        record |= {f"val_{name}": value for name, value in measured.items()}
        if _best(training, [*done.history, record]) == len(done.history):
            _keep(training.best)
    rate = keras.ops.convert_to_numpy(training.model.optimizer.learning_rate)
    record["learning_rate"] = float(f"{rate:.7g}")  # what float32 holds of 0.01 is 0.00999999977648
    if not math.isfinite(record["val_loss"]):
        raise _diverged(run, f"validation loss is {record['val_loss']} after epoch {epoch}")
    return record


def _take(pairs: list[tuple[Any, Any]]) -> None:
    """Gives weights the values of their copies; by way of NumPy, as JAX would share the memory."""
    copies, weights = zip(*pairs, strict=True) if pairs else ((), ())
    checkpoints.assign(weights, checkpoints.state(copies))


def _keep(pairs: list[tuple[Any, Any]]) -> None:
    """Gives copies the values of their weights."""
    copies, weights = zip(*pairs, strict=True) if pairs else ((), ())
    checkpoints.assign(copies, checkpoints.state(weights))


@contextmanager
def _averaged(training: Training) -> Iterator[None]:
    """Gives the model its averaged weights within a block."""
    weights = [weight for _, weight in training.average]
    before = checkpoints.state(weights)
    _take(training.average)
    try:
        yield
    finally:
        checkpoints.assign(weights, before)


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Makes the dropout of an epoch a function of (seed, epoch), too."""
    for layer in model._flatten_layers():  # nested models, too
        if (generator := getattr(layer, "seed_generator", None)) is not None:
            number = layer_seed(seed, f"{layer.name}/{epoch}")
            generator.state.assign(np.array([number, 0], dtype=generator.state.dtype))


def _report(training: Training, done: Progress, *, is_stopped: bool) -> None:
    name, last_epoch = training.run.name, training.run.first_epoch + training.epochs.epochs - 1
    if is_stopped:
        print(f"{name}: stopped after {done}; run the same command again to resume", flush=True)
        return
    record = done.history[-1]
    values = ", ".join(f"{key} {record[key]:.4f}" for key in ("loss", "accuracy", "val_loss", "val_accuracy"))
    print(f"{name}: epoch {record['epoch']}/{last_epoch}, {values}", flush=True)
