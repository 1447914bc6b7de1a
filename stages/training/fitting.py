"""The training loop: epochs of plain Keras steps, a record of each, a checkpoint after each."""

import hashlib
import itertools
import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from stages import interruptions
from stages.errors import InputError
from stages.networks.seeds import layer_seed
from stages.training import backend, checkpoints, optimizers
from stages.training.batches import ordered_batches, training_batches
from stages.training.checkpoints import Progress, Step
from stages.training.examples import Examples

EVALUATION_BATCH = 64  # of no influence on results beyond rounding; bounds memory


def compiled(model: keras.Model, variant: dict[str, Any]) -> keras.Model:
    """Returns a model ready for `fit` that shares all layers with `model`.

    The one given stays uncompiled, and so is saved without the optimizer's state.

    Args:
        model: from inputs to probabilities.
        variant: its `optimizer` is used, as `optimizers.build` takes it.

    Raises:
        InputError: Keras refuses the optimizer.
    """
    optimizer = optimizers.build(variant["optimizer"])
    trained = keras.Model(model.inputs[0], model.outputs[0])
    trained.compile(
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=backend.jit_compile(),
    )
    optimizer.build(trained.trainable_variables)
    return trained


def fit(
    model: keras.Model, examples: Examples, variant: dict[str, Any], *, checkpoint: Path, first_epoch: int = 1
) -> list[dict[str, float]]:
    """Trains a model with the variant's optimizer, going on from a checkpoint of the same run.

    There is one after every epoch, and after the step at which a signal asks the process to end.

    Args:
        model: as `compiled` returns it; its trainable weights are changed.
        examples: its training set is trained on, its validation set measured after every epoch.
        variant: `epochs`, `optimizer`, `seed` and what `training_batches` uses.
        checkpoint: file for the state after each epoch.
        first_epoch: number of the first epoch, where a training goes on from another.

    Returns:
        Per epoch: epoch, loss, accuracy (running means while training), val_loss, val_accuracy,
        learning_rate.

    Raises:
        InputError: the loss is no longer finite.
    """
    run = fingerprint(model, examples, variant)
    _warm_up(model, examples, variant["batch_size"])
    progress = checkpoints.restore(checkpoint, model, run)
    if progress != Progress():
        print(f"{variant['name']}: goes on after {progress}", flush=True)
    last_epoch = first_epoch + variant["epochs"] - 1
    for epoch in range(first_epoch + len(progress.history), last_epoch + 1):
        with interruptions.deferred() as signals:
            _train(model, examples, variant, epoch, progress.steps, signals)
            if not signals:
                progress.history.append(_record(model, examples, variant, epoch, progress.steps))
                progress.steps = []
            checkpoints.save(checkpoint, model, progress, run, variant)
            print(_line(variant["name"], progress, last_epoch, is_stopped=bool(signals)), flush=True)
    return progress.history


def measure(model: keras.Model, examples: Examples, name: str) -> dict[str, float]:
    """Returns loss and accuracy of a compiled model on a set."""
    batches = ordered_batches(examples, name, EVALUATION_BATCH)
    return _means([_step(y, model.test_on_batch(x, y, return_dict=True)) for x, y in batches])


def predict(model: keras.Model, examples: Examples, name: str) -> np.ndarray:
    """Returns a model's probabilities on a set in stored order, float32[n, number of classes]."""
    batches = ordered_batches(examples, name, EVALUATION_BATCH)
    return np.concatenate([np.asarray(model.predict_on_batch(inputs), np.float32) for inputs, _ in batches])


def fingerprint(model: keras.Model, examples: Examples, variant: dict[str, Any]) -> str:
    """Returns the hash of all that a training's course depends on.

    The variant holds the fingerprint of its code, the manifest the hashes of the data; the model's
    weights are those it starts from.
    """
    content = [variant, examples.manifest, backend.environment(variant["threads"])]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    for variable in model.variables:
        digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(variable)))
    return digest.hexdigest()


def _warm_up(model: keras.Model, examples: Examples, size: int) -> None:
    """Compiles the step for a whole and for the last batch, and leaves the model as it was.

    TensorFlow's choice of kernels, and with it the last bits, depends on the size of the batch it saw
    first; a run that goes on in the middle of an epoch might see the last and smaller one first.
    """
    before = checkpoints.state(model)
    for n in (size, len(examples.rows("train")) % size):
        if n:
            inputs = np.zeros((n, *examples.inputs.shape[1:]), np.float32)
            model.train_on_batch(inputs, np.zeros(n, np.int64))
    checkpoints.assign(model, before)


def _train(
    model: keras.Model,
    examples: Examples,
    variant: dict[str, Any],
    epoch: int,
    steps: list[Step],
    signals: list[int],
) -> None:
    """Trains an epoch from after the steps that are done, which it adds to, to its end or a signal."""
    if not steps:
        _seed_dropout(model, variant["seed"], epoch)
    total = math.ceil(len(examples.rows("train")) / variant["batch_size"])
    batches = itertools.islice(training_batches(examples, variant, epoch), len(steps), None)
    # disable=None: a bar on a terminal, nothing in a log
    with tqdm(batches, f"epoch {epoch}", total, initial=len(steps), leave=False, disable=None) as shown:
        for inputs, labels in shown:
            logs = model.train_on_batch(inputs, labels, return_dict=True)
            steps.append(_step(labels, logs))
            _require_finite(variant, "loss", steps[-1][1], f"in epoch {epoch}, step {len(steps)}")
            if signals:
                return


def _record(
    model: keras.Model, examples: Examples, variant: dict[str, Any], epoch: int, steps: list[Step]
) -> dict[str, float]:
    """Returns the history's record of an epoch whose steps are all done."""
    record = {"epoch": epoch, **_means(steps)}
    record |= {f"val_{name}": value for name, value in measure(model, examples, "validation").items()}
    record["learning_rate"] = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
    _require_finite(variant, "validation loss", record["val_loss"], f"after epoch {epoch}")
    return record


def _step(labels: np.ndarray, logs: dict[str, Any]) -> Step:
    return len(labels), float(logs["loss"]), float(logs["accuracy"])


def _means(steps: list[Step]) -> dict[str, float]:
    """Returns loss and accuracy over all examples from those of each batch, as Keras resets them."""
    sizes, losses, accuracies = np.array(steps).T
    return {
        "loss": float(np.average(losses, weights=sizes)),
        "accuracy": float(np.average(accuracies, weights=sizes)),
    }


def _require_finite(variant: dict[str, Any], what: str, value: float, where: str) -> None:
    if not math.isfinite(value):
        raise InputError(
            f"variant {variant['name']!r}: the {what} is {value} {where}; "
            "a lower learning_rate usually cures it"
        )


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Makes the dropout of an epoch a function of (seed, epoch) too."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout) and layer.rate > 0:
            state = layer.seed_generator.state
            state.assign(np.array([layer_seed(seed, f"{layer.name}/{epoch}"), 0], dtype=state.dtype))


def _line(name: str, progress: Progress, last_epoch: int, *, is_stopped: bool) -> str:
    if is_stopped:
        return f"{name}: stopped after {progress}; the same command goes on from there"
    record = progress.history[-1]
    values = ", ".join(f"{key} {record[key]:.4f}" for key in ("loss", "accuracy", "val_loss", "val_accuracy"))
    return f"{name}: epoch {record['epoch']}/{last_epoch}, {values}"
