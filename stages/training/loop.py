"""The training loop: epochs of a few steps at a time, a record of each, a checkpoint after each."""

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from stages.datasets.prepared import Dataset
from stages.networks.seeds import layer_seed
from stages.runtime import signals
from stages.runtime.errors import InputError
from stages.training import backend, checkpoints, optimizers, plan, steps
from stages.training.checkpoints import Progress, Step
from stages.training.prediction import loss_and_accuracy, probabilities
from stages.training.settings import Settings


@dataclass(frozen=True)
class Run:
    """A network in training.

    Attributes:
        model: compiled; it shares its layers with the model that is saved, which has no optimizer.
        average: (moving average, weight) of each weight that is averaged; empty where none is.
        data: what it learns from.
        settings: how.
        base_rate: the optimizer's own learning rate.
    """

    model: keras.Model
    average: list[tuple[Any, Any]]
    data: Dataset
    settings: Settings
    base_rate: float

    @property
    def variables(self) -> list[Any]:
        """All that a checkpoint keeps: weights, seeds, the optimizer's state and the moving averages."""
        averages = [moving for moving, _ in self.average]
        return [*self.model.variables, *self.model.optimizer.variables, *averages]

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches of an epoch, the last and smaller one included."""
        return math.ceil(len(self.data.rows("train")) / self.settings.batch_size)


def prepare(model: keras.Model, data: Dataset, settings: Settings) -> Run:
    """Makes a model ready for `fit`; the one given stays without optimizer, and is saved so.

    Raises:
        InputError: Keras refuses the optimizer.
    """
    optimizer = optimizers.build(settings.optimizer)
    trained = keras.Model(model.inputs[0], model.outputs[0])
    loss = _smoothed(settings.label_smoothing, len(data.class_names))
    trained.compile(optimizer, loss, metrics=["accuracy"], jit_compile=backend.jit_compile())
    trained.optimizer.build(trained.trainable_variables)
    weights = [weight for weight in trained.weights if settings.ema and "float" in weight.dtype]
    # Copies, as JAX reuses the memory of the weights.
    copies = [values.astype(np.float32) for values in checkpoints.state(weights)]
    average = [
        (keras.Variable(copy, trainable=False), weight) for copy, weight in zip(copies, weights, strict=True)
    ]
    rate = float(keras.ops.convert_to_numpy(trained.optimizer.learning_rate))
    return Run(trained, average, data, settings, rate)


def fit(run: Run, *, checkpoint: Path, code: str, first_epoch: int = 1) -> list[dict[str, float]]:
    """Trains, resuming from a checkpoint of the same run; ends with the averaged weights, if there are some.

    There is a checkpoint after every epoch, and where a signal asks the process to end.

    Args:
        run: as `prepare` returns it; its model's weights change.
        checkpoint: the file.
        code: fingerprint of the code that runs.
        first_epoch: number of the first epoch, where the run continues another.

    Returns:
        Per epoch: epoch, loss, accuracy (running means while training), val_loss, val_accuracy,
        learning_rate.

    Raises:
        InputError: the loss is no longer finite.
    """
    name, fingerprint = run.settings.name, _fingerprint(run, code)
    run_chunk = _compute(run)
    _warm_up(run, run_chunk)
    predict = steps.predictor(run.model)
    progress = checkpoints.restore(checkpoint, run.variables, fingerprint)
    if progress != Progress():
        print(f"{name}: resuming after {progress}", flush=True)
    last_epoch = first_epoch + run.settings.epochs - 1
    for epoch in range(first_epoch + len(progress.history), last_epoch + 1):
        with signals.deferred() as received:
            _train(run, run_chunk, epoch, epoch - first_epoch, progress.steps, received)
            if not received:
                progress.history.append(_record(run, predict, epoch, progress.steps))
                progress.steps = []
            checkpoints.save(checkpoint, run.variables, progress, fingerprint)
            _report(name, progress, last_epoch, is_stopped=bool(received))
    _take_averages(run)
    return progress.history


def _compute(run: Run) -> steps.Run:
    settings = run.settings
    sets_rate = settings.schedule != "constant" or settings.warmup > 0
    return steps.runner(
        run.model,
        dtype=run.data.inputs.dtype,
        augmentation=settings.augmentation,
        average=run.average,
        sets_rate=sets_rate,
    )


def _train(
    run: Run, run_chunk: steps.Run, epoch: int, epochs_done: int, done: list[Step], received: list[int]
) -> None:
    """Trains an epoch from after the steps that are done, which it adds to, to its end or a signal."""
    settings, data = run.settings, run.data
    if not done:
        _seed_dropout(run.model, settings.seed, epoch)
    drawn = plan.draw(data.rows("train"), seed=settings.seed, epoch=epoch, augmentation=settings.augmentation)
    chunks = plan.chunks(drawn, data.inputs, data.labels, settings.batch_size, first_step=len(done))
    # disable=None: a bar on a terminal, nothing in a log
    with tqdm(
        desc=f"epoch {epoch}", total=run.steps_per_epoch, initial=len(done), leave=False, disable=None
    ) as bar:
        for chunk in chunks:
            numbers = epochs_done * run.steps_per_epoch + len(done) + np.arange(len(chunk.inputs))
            for loss, accuracy in run_chunk(chunk, *_rates(run, numbers)).tolist():
                done.append((chunk.labels.shape[1], loss, accuracy))
                if not math.isfinite(loss):
                    raise InputError(
                        f"variant {settings.name!r}: the loss is {loss} in epoch {epoch}, step {len(done)};"
                        " lower the learning_rate"
                    )
            bar.update(len(chunk.inputs))
            if received:
                return


def _rates(run: Run, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns learning rate and decay of the average of steps, by their numbers over all epochs."""
    settings, total = run.settings, run.settings.epochs * run.steps_per_epoch
    rates = optimizers.learning_rates(
        run.base_rate, numbers, total, schedule=settings.schedule, warmup=settings.warmup
    )
    return rates, optimizers.average_decays(settings.ema, numbers)


def _warm_up(run: Run, run_chunk: steps.Run) -> None:
    """Computes a step of a whole and of the last batch, and leaves the run as it was.

    TensorFlow's choice of kernels, and with it the last bits, depends on the size of the batch it saw
    first; a run that resumes in the middle of an epoch might see the last and smaller one first.
    """
    before = checkpoints.state(run.variables)
    rows, size = run.data.rows("train"), run.settings.batch_size
    for n in dict.fromkeys((min(size, len(rows)), len(rows) % size or min(size, len(rows)))):
        drawn = plan.draw(rows[:n], seed=0, epoch=0, augmentation=run.settings.augmentation)
        (chunk,) = plan.chunks(drawn, run.data.inputs, run.data.labels, n)
        run_chunk(chunk, *_rates(run, np.zeros(1, np.int64)))
    checkpoints.assign(run.variables, before)


def _record(run: Run, predict: Any, epoch: int, done: list[Step]) -> dict[str, float]:
    """Returns the history's record of an epoch whose steps are all done."""
    sizes, losses, accuracies = np.array(done).T
    record = {
        "epoch": epoch,
        "loss": float(np.average(losses, weights=sizes)),
        "accuracy": float(np.average(accuracies, weights=sizes)),
    }
    with _averaged(run):
        found = probabilities(predict, run.data, "validation")
    measured = loss_and_accuracy(found, run.data.labels[run.data.rows("validation")])
    record |= {f"val_{name}": value for name, value in measured.items()}
    rate = keras.ops.convert_to_numpy(run.model.optimizer.learning_rate)
    record["learning_rate"] = float(f"{rate:.7g}")  # what float32 holds of 0.01 is 0.00999999977648
    if not math.isfinite(record["val_loss"]):
        raise InputError(
            f"variant {run.settings.name!r}: the validation loss is {record['val_loss']} after epoch {epoch};"
            " lower the learning_rate"
        )
    return record


def _take_averages(run: Run) -> None:
    """Gives the model copies of its averaged weights, if there are some; JAX would share their memory."""
    averages, weights = zip(*run.average, strict=True) if run.average else ((), ())
    checkpoints.assign(weights, checkpoints.state(averages))


@contextmanager
def _averaged(run: Run) -> Iterator[None]:
    """Gives the model its averaged weights within a block."""
    weights = [weight for _, weight in run.average]
    before = checkpoints.state(weights)
    _take_averages(run)
    yield
    checkpoints.assign(weights, before)


def _fingerprint(run: Run, code: str) -> str:
    """Returns the hash of all that the course of a run depends on, the weights it starts from included."""
    content = [asdict(run.settings), code, run.data.hashes, backend.environment(run.settings.threads)]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    for values in checkpoints.state(run.model.variables):
        digest.update(np.ascontiguousarray(values))
    return digest.hexdigest()


def _smoothed(share: float, n_classes: int) -> Any:
    """Returns the cross-entropy, a share of each target spread over all classes (Szegedy et al. 2016)."""
    if share == 0:
        return "sparse_categorical_crossentropy"

    def smoothed_crossentropy(labels: Any, outputs: Any) -> Any:
        targets = keras.ops.one_hot(keras.ops.cast(keras.ops.reshape(labels, (-1,)), "int32"), n_classes)
        return keras.losses.categorical_crossentropy(targets, outputs, label_smoothing=share)

    return smoothed_crossentropy


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Makes the dropout of an epoch a function of (seed, epoch), too."""
    for layer in model._flatten_layers():  # nested models, too
        if (generator := getattr(layer, "seed_generator", None)) is not None:
            number = layer_seed(seed, f"{layer.name}/{epoch}")
            generator.state.assign(np.array([number, 0], dtype=generator.state.dtype))


def _report(name: str, progress: Progress, last_epoch: int, *, is_stopped: bool) -> None:
    if is_stopped:
        print(f"{name}: stopped after {progress}; run the same command again to resume", flush=True)
        return
    record = progress.history[-1]
    values = ", ".join(f"{key} {record[key]:.4f}" for key in ("loss", "accuracy", "val_loss", "val_accuracy"))
    print(f"{name}: epoch {record['epoch']}/{last_epoch}, {values}", flush=True)
