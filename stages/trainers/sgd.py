"""Steps of a gradient optimizer, epoch by epoch, with a record and a checkpoint after each."""

from typing import Any

from stages.runtime import signals
from stages.training import checkpoints, epoch
from stages.training.checkpoints import Progress
from stages.training.fitting import Fitted, TrainingRun
from stages.training.prediction import Predict, predictor
from stages.training.session import Session, prepare, take
from stages.training.steps import StepFunction

KNOBS = (
    "epochs",
    "batch_size",
    "patience",
    "restore_best",
    "monitor",
    "optimizer",
    "schedule",
    "warmup",
    "rate_multipliers",
    "weight_decay_on",
    "ema",
    "loss",
    "class_weights",
)


def fit(run: TrainingRun) -> Fitted:
    """Trains, resuming from a checkpoint of the same run; ends with averaged or the best weights, if asked.

    It writes a checkpoint after every epoch, and when a signal asks the process to end.

    Args:
        run: its model's weights change.

    Returns:
        Per epoch: epoch, loss (plain cross-entropy) and accuracy (running means while training, of augmented
        images), val_loss and val_accuracy (of the averaged weights, if asked for), learning_rate. In the
        notes the best epoch, where the run ends with it, and the epoch after which it stopped early.

    Raises:
        InputError: the loss is no longer finite, or Keras refuses the optimizer.
    """
    session = prepare(run)
    advance = session.step_function()
    epoch.warm_up(session, advance)
    predict = predictor(session.model)
    done = checkpoints.restore(run.checkpoint, session.variables, run.fingerprint)
    if done != Progress():
        print(f"{run.name}: resuming after {done}", flush=True)
    while not _is_over(session, done):
        _epoch(session, advance, predict, done)
    take(session.best or session.average)
    return Fitted(done.history, _notes(session, done.history))


def _is_over(session: Session, done: Progress) -> bool:
    """Returns whether all epochs are done, or too many without improvement."""
    epochs, history = session.epochs, done.history
    if len(history) == epochs.epochs:
        return True
    stale = len(history) - 1 - session.epochs.best(history) if history and not done.steps else 0
    return bool(epochs.patience) and stale >= epochs.patience


def _notes(session: Session, history: list[dict[str, float]]) -> dict[str, Any]:
    """Returns what validation decided."""
    notes: dict[str, Any] = {}
    if session.epochs.patience and len(history) < session.epochs.epochs:
        notes["stopped_after"] = history[-1]["epoch"]
    if session.epochs.restore_best:
        notes["best_epoch"] = history[session.epochs.best(history)]["epoch"]
    return notes


def _epoch(session: Session, advance: StepFunction, predict: Predict, done: Progress) -> None:
    """Trains the rest of an epoch, or until a signal, which ends the process after the checkpoint."""
    run = session.run
    number = run.first_epoch + len(done.history)
    with signals.deferred() as received:
        epoch.train(session, advance, number, done, received)
        if not received:
            done.history.append(epoch.record(session, predict, number, done))
            done.steps = []
        checkpoints.save(run.checkpoint, session.variables, done, run.fingerprint)
        _report(session, done, is_stopped=bool(received))


def _report(session: Session, done: Progress, *, is_stopped: bool) -> None:
    name, last_epoch = session.run.name, session.run.first_epoch + session.epochs.epochs - 1
    if is_stopped:
        print(f"{name}: stopped after {done}; run the same command again to resume", flush=True)
        return
    record = done.history[-1]
    values = ", ".join(f"{key} {record[key]:.4f}" for key in ("loss", "accuracy", "val_loss", "val_accuracy"))
    print(f"{name}: epoch {record['epoch']}/{last_epoch}, {values}", flush=True)
