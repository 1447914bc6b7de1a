"""Multinomial logistic regression with an L2 penalty, by L-BFGS over all examples at once.

The objective is convex: its minimum depends on neither seed nor order. It is the mean cross-entropy plus
penalty / 2 times the sum of squared weights, the biases left free (Bishop 2006, sections 4.3.4 and 3.1.4).
One head per penalty is fitted, from the largest penalty down, each starting where the one before ended; the
one that validates best is kept.

Where there are more features than examples, the weights of the optimum are a sum of examples (the representer
theorem; Schölkopf, Herbrich and Smola 2001), so they are sought in the examples' span, with as many numbers a
class as there are examples.
"""

from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize
from scipy.special import log_softmax

from stages.runtime import progress, signals
from stages.runtime.errors import InputError
from stages.training import checkpoints
from stages.training.fitting import Fitted, TrainingRun
from stages.training.fitting import best as best_of
from stages.training.prediction import loss_and_accuracy, predictor

KNOBS = ("penalties", "monitor")
ONE_OPTIMUM = True  # for every seed, so that `resolve` accepts only one
LAYER = "head_logits"  # of the network, the only one with weights to train
MOST_ITERATIONS = 1000
TOLERANCE = 1e-6  # of the gradient's largest entry, at most, and
SHARE = 0.1  # of the penalty, at most: otherwise the penalty's own pull would be lost
CORRECTIONS = 20  # that L-BFGS keeps
SMALLEST = 1e-12  # share of the largest variance below which a direction is rounding
BATCH = 1024  # examples that go through the feature steps at a time


@dataclass(frozen=True)
class Penalties:
    """Knobs of the fit.

    Attributes:
        penalties: of the squared weights, each > 0.
        monitor: val_loss or val_accuracy, which decides the best penalty; the larger of equal ones.
    """

    penalties: list[float]
    monitor: str = "val_loss"


@dataclass(frozen=True)
class Examples:
    """Inputs of the last layer.

    Attributes:
        x: tensor float64[n * views, c], the views of an example one below another.
        labels: int64[n].
        views: number of views of each example.
    """

    x: Any
    labels: np.ndarray
    views: int


def fit(run: TrainingRun) -> Fitted:
    """Fits a head for each penalty, resuming after the last one that is done; keeps the best.

    Args:
        run: its model's last layer gets the weights.

    Returns:
        Per penalty, from the largest: penalty, loss, accuracy, val_loss and val_accuracy (of the mean over
        views), iterations; and the penalty that was chosen.

    Raises:
        InputError: the network has other weights to train than those of its last layer.
    """
    settings, layer = run.settings(Penalties), _last_layer(run)
    train, validation = (_examples(run, layer, split) for split in ("train", "validation"))
    basis = _basis(train.x)
    if basis is not None:
        train, validation = (
            replace(part, x=_tensor(_product(part.x, basis))) for part in (train, validation)
        )
    current, best = (_Weights(train.x.shape[-1], len(run.data.class_names)) for _ in range(2))
    variables = [*current.variables, *best.variables]
    done = checkpoints.restore(run.checkpoint, variables, run.fingerprint)
    if done.history:
        print(f"{run.name}: resuming after penalty {done.history[-1]['penalty']:g}", flush=True)
    penalties = sorted(settings.penalties, reverse=True)
    for penalty in penalties[len(done.history) :]:
        with signals.deferred():
            iterations = current.minimise(train, penalty)
            done.history.append(_record(current, penalty, train, validation, iterations))
            if best_of(done.history, settings.monitor) == len(done.history) - 1:
                best.take(current)
            checkpoints.save(run.checkpoint, variables, done, run.fingerprint)
        print(f"{run.name}: {_shown(done.history[-1])}", flush=True)
    layer.set_weights([best.kernel if basis is None else basis @ best.kernel, best.bias])
    chosen = best_of(done.history, settings.monitor)
    return Fitted(done.history, {"penalty": penalties[chosen]})


class _Weights:
    """Kernel and bias of the last layer, float64 while they are fitted; float32 on JAX."""

    def __init__(self, n_inputs: int, n_classes: int) -> None:
        self.variables = [
            keras.Variable(np.zeros(shape), dtype="float64", trainable=False)
            for shape in ((n_inputs, n_classes), (n_classes,))
        ]

    @property
    def kernel(self) -> np.ndarray:
        return checkpoints.state(self.variables[:1])[0]

    @property
    def bias(self) -> np.ndarray:
        return checkpoints.state(self.variables[1:])[0]

    def take(self, other: "_Weights") -> None:
        """Copies another's values."""
        checkpoints.assign(self.variables, checkpoints.state(other.variables))

    def minimise(self, examples: Examples, penalty: float) -> int:
        """Moves to the minimum of the objective; returns the number of iterations.

        Args:
            examples: all views of each count as examples.
            penalty: of the squared kernel.
        """
        labels, shape = np.repeat(examples.labels, examples.views), self.variables[0].shape
        start = np.concatenate([self.kernel.ravel(), self.bias])
        with progress.bar(f"penalty {penalty:g}", total=MOST_ITERATIONS, leave=False) as bar:
            found = minimize(
                lambda flat: objective(flat, shape, examples.x, labels, penalty),
                start,
                jac=True,
                method="L-BFGS-B",
                callback=lambda _: bar.update(1) and None,
                options={
                    "maxiter": MOST_ITERATIONS,
                    "maxfun": 2 * MOST_ITERATIONS,
                    "maxcor": CORRECTIONS,
                    "gtol": min(TOLERANCE, SHARE * penalty),
                    "ftol": 0,
                },
            )
        kernel, bias = np.split(found.x, [shape[0] * shape[1]])
        checkpoints.assign(self.variables, [kernel.reshape(shape), bias])
        return int(found.nit)

    def probabilities(self, examples: Examples) -> np.ndarray:
        """Returns the mean over the views of each example, float64[n, k]."""
        found = np.exp(log_softmax(_product(examples.x, self.kernel) + self.bias, axis=1))
        return found.reshape(len(examples.labels), examples.views, -1).mean(axis=1)


def objective(
    flat: np.ndarray, shape: tuple[int, int], x: np.ndarray, labels: np.ndarray, penalty: float
) -> tuple[float, np.ndarray]:
    """Returns the penalised mean cross-entropy and its gradient.

    Args:
        flat: kernel, row by row, then bias: float64[c * k + k].
        shape: (c, k).
        x: float64[n, c], preferably a tensor: products with it use the threads of the run.
        labels: int64[n] in [0, k).
        penalty: of the squared kernel.
    """
    kernel, bias = np.split(flat, [shape[0] * shape[1]])
    kernel = kernel.reshape(shape)
    logs = log_softmax(_product(x, kernel) + bias, axis=1)
    rows = np.arange(len(labels))
    value = -logs[rows, labels].mean() + penalty / 2 * float((kernel**2).sum())
    errors = np.exp(logs)
    errors[rows, labels] -= 1
    errors /= len(labels)
    of_kernel = _product(errors.T, x).T + penalty * kernel  # transposing x itself would copy it
    return float(value), np.concatenate([of_kernel.ravel(), errors.sum(axis=0)])


def _product(left: Any, right: Any) -> np.ndarray:
    """Returns the product of two matrices in float64: in float32, steps near the minimum would be lost."""
    product = keras.ops.matmul(_tensor(left), _tensor(right))
    return keras.ops.convert_to_numpy(product).astype(np.float64)


def _tensor(values: Any) -> Any:
    return keras.ops.convert_to_tensor(values, "float64")


def _basis(x: Any) -> np.ndarray | None:
    """Returns an orthonormal basis of the examples' span, float64[c, r]; None if it would save nothing.

    Args:
        x: float64[n, c], a tensor.
    """
    if x.shape[1] <= x.shape[0]:
        return None
    squares, directions = eigh(_product(x, keras.ops.transpose(x)))
    is_there = squares > SMALLEST * squares[-1]
    return _product(keras.ops.transpose(x), directions[:, is_there] / np.sqrt(squares[is_there]))


def _last_layer(run: TrainingRun) -> keras.layers.Layer:
    layer = run.model.get_layer(LAYER)
    if len(run.model.trainable_weights) != len(layer.trainable_weights):
        raise InputError(
            f"variant {run.name!r}: its network has other weights to train than those of the last layer,"
            " which a convex trainer cannot; set dense_units: [] and no batch normalisation"
        )
    return layer


def _examples(run: TrainingRun, layer: keras.layers.Layer, split: str) -> Examples:
    """Returns what the last layer sees of a split."""
    rows, inputs = run.data.rows(split), run.data.inputs
    before = predictor(keras.Model(run.model.inputs[0], layer.input))
    looks = [
        np.concatenate(
            [before(inputs[rows[start : start + BATCH], view]) for start in range(0, len(rows), BATCH)]
        )
        for view in range(inputs.shape[1])
    ]
    x = np.stack(looks, axis=1).reshape(-1, looks[0].shape[-1])
    return Examples(_tensor(x), run.data.labels[rows], inputs.shape[1])


def _record(
    weights: _Weights, penalty: float, train: Examples, validation: Examples, iterations: int
) -> dict[str, Any]:
    """Returns the history's record of a penalty."""
    record: dict[str, Any] = {"penalty": penalty}
    for prefix, examples in (("", train), ("val_", validation)):
        measured = loss_and_accuracy(weights.probabilities(examples), examples.labels)
        record |= {f"{prefix}{name}": value for name, value in measured.items()}
    return record | {"iterations": iterations}


def _shown(record: dict[str, float]) -> str:
    values = (f"{key} {record[key]:.4f}" for key in ("loss", "accuracy", "val_loss", "val_accuracy"))
    return f"penalty {record['penalty']:g}, {', '.join(values)}, {record['iterations']} iterations"
