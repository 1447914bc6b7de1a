"""One epoch of a training: its steps, a few at a time, and the record of their results."""

import math

import keras
import numpy as np

from stages.networks.seeds import layer_seed
from stages.runtime import progress
from stages.runtime.errors import InputError
from stages.training import checkpoints, plan
from stages.training.checkpoints import Progress
from stages.training.fitting import TrainingRun
from stages.training.prediction import Predict, loss_and_accuracy, probabilities
from stages.training.session import Session, keep
from stages.training.steps import StepFunction


def train(session: Session, advance: StepFunction, epoch: int, done: Progress, received: list[int]) -> None:
    """Trains an epoch to its end or a signal, after the steps in `done`, to which it adds."""
    run, per_epoch = session.run, session.steps_per_epoch
    if not done.steps:
        _seed_dropout(session.model, run.seed, epoch)
    drawn = _plan(session, session.train_rows, run.seed, epoch)
    with progress.bar(f"epoch {epoch}", total=per_epoch, done=len(done.steps), leave=False) as bar:
        for chunk in plan.chunks(
            drawn, run.data.inputs, run.data.labels, session.epochs.batch_size, first_step=len(done.steps)
        ):
            numbers = len(done.history) * per_epoch + len(done.steps) + np.arange(len(chunk.inputs))
            for loss, accuracy in advance(chunk, *session.rates(numbers)).tolist():
                done.steps.append((chunk.labels.shape[1], loss, accuracy))
                if not math.isfinite(loss):
                    raise _diverged(run, f"loss is {loss} in epoch {epoch}, step {len(done.steps)}")
            bar.update(len(chunk.inputs))
            if received:
                return


def warm_up(session: Session, advance: StepFunction) -> None:
    """Computes a step on a whole batch and one on the last, and leaves the run as it was.

    TensorFlow's choice of kernels, and with it the last bits, depends on the size of the batch it saw
    first; a run that resumes in the middle of an epoch might see the last and smaller one first.
    """
    before = checkpoints.state(session.variables)
    rows, size, data = session.train_rows, session.epochs.batch_size, session.run.data
    for n in dict.fromkeys((min(size, len(rows)), len(rows) % size or min(size, len(rows)))):
        drawn = _plan(session, rows[:n], seed=0, epoch=0)
        (chunk,) = plan.chunks(drawn, data.inputs, data.labels, n)
        advance(chunk, *session.rates(np.zeros(1, np.int64)))
    checkpoints.assign(session.variables, before)


def record(session: Session, predict: Predict, epoch: int, done: Progress) -> dict[str, float]:
    """Returns the history's record of an epoch whose steps are done; keeps its weights if it is the best."""
    run = session.run
    sizes, losses, accuracies = np.array(done.steps).T
    record = {
        "epoch": epoch,
        "loss": float(np.average(losses, weights=sizes)),
        "accuracy": float(np.average(accuracies, weights=sizes)),
    }
    with session.averaged():
        found = probabilities(predict, run.data, "validation", has_views=run.has_views)
        measured = loss_and_accuracy(found, run.data.labels[run.data.rows("validation")])
        record |= {f"val_{name}": value for name, value in measured.items()}
        if session.epochs.best([*done.history, record]) == len(done.history):
            keep(session.best)
    rate = keras.ops.convert_to_numpy(session.model.optimizer.learning_rate)
    record["learning_rate"] = float(f"{rate:.7g}")  # in float32, 0.01 is 0.00999999977648
    if not math.isfinite(record["val_loss"]):
        raise _diverged(run, f"validation loss is {record['val_loss']} after epoch {epoch}")
    return record


def _diverged(run: TrainingRun, what: str) -> InputError:
    return InputError(f"variant {run.name!r}: the {what}; lower the learning_rate")


def _plan(session: Session, rows: np.ndarray, seed: int, epoch: int) -> plan.Plan:
    run = session.run
    n_views = run.data.inputs.shape[1] if run.has_views else None
    return plan.draw(rows, seed=seed, epoch=epoch, augmentation=run.augmentation, n_views=n_views)


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Makes the dropout of an epoch a function of (seed, epoch) as well."""
    for layer in model._flatten_layers():  # nested models, too
        if (generator := getattr(layer, "seed_generator", None)) is not None:
            number = layer_seed(seed, f"{layer.name}/{epoch}")
            generator.state.assign(np.array([number, 0], dtype=generator.state.dtype))
