"""Checkpoints of trainings, so that a killed one loses at most an epoch and a stopped one nothing.

They lie outside DVC's outs, which DVC deletes before a stage runs. An epoch is a function of its
number, the weights and the optimizer (see `batches`, `fitting`), so these are all there is to keep.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from stages import locks
from stages.atomic import remove, replacing
from stages.errors import DAMAGE

FOLDER = Path(".checkpoints")
Step = tuple[int, float, float]  # examples, loss, accuracy


@dataclass
class Progress:
    """How far a training has come.

    Attributes:
        history: a record for each finished epoch.
        steps: those of the epoch after, as far as it has come.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def __str__(self) -> str:
        """Names the last thing done."""
        epoch = f"epoch {self.history[-1]['epoch']}" if self.history else "the start"
        return f"{epoch} and {len(self.steps)} steps" if self.steps else epoch


def path(out: Path) -> Path:
    """Returns where the checkpoint of an output lies: .checkpoints/models/final.npz for models/final."""
    return FOLDER / out.parent.name / f"{out.name}.npz"


def save(
    path: Path, model: keras.Model, progress: Progress, fingerprint: str, variant: dict[str, Any]
) -> None:
    """Writes weights, optimizer state and progress; replaces the file at once."""
    arrays = {f"variable_{i}": values for i, values in enumerate(state(model))}
    header = json.dumps({"fingerprint": fingerprint, "variant": variant, **vars(progress)})
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, header=np.array(header), **arrays)


def state(model: keras.Model) -> list[np.ndarray]:
    """Returns copies of a compiled model's weights, seeds and optimizer state, in a fixed order."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in _variables(model)]


def assign(model: keras.Model, arrays: list[np.ndarray]) -> None:
    """Gives a compiled model such a state."""
    for variable, values in zip(_variables(model), arrays, strict=True):
        variable.assign(values)


def restore(path: Path, model: keras.Model, fingerprint: str) -> Progress:
    """Puts a checkpoint's state into a compiled model and returns the progress up to there.

    A checkpoint of another run, or a damaged one, is removed.

    Returns:
        No progress, with the model as it was, where there is no checkpoint of this very run.
    """
    if not path.exists():
        return Progress()
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            header: dict[str, Any] = json.loads(str(archive["header"]))
            if header["fingerprint"] != fingerprint:
                return _anew(path, "is of another run: knobs, code, data, versions or device changed")
            arrays = [archive[f"variable_{i}"] for i in range(len(_variables(model)))]
    except DAMAGE as error:
        return _anew(path, f"is damaged ({error})")
    assign(model, arrays)
    return Progress(header["history"], [tuple(step) for step in header["steps"]])


def prune(out: Path) -> None:
    """Removes the checkpoints of all outputs but this one that are there, and that nobody writes.

    A finished training keeps its checkpoint until then: if DVC is killed before it has recorded the
    result, it runs the stage again.
    """
    for checkpoint in FOLDER.glob("*/*"):
        other = out.parent.parent / checkpoint.parent.name / checkpoint.stem
        lock = checkpoint.with_suffix(".lock")
        if other != out and other.exists() and checkpoint != lock and not locks.is_held(lock):
            remove(checkpoint)


def _anew(path: Path, problem: str) -> Progress:
    print(f"{path} {problem}; removed, training starts anew", flush=True)
    path.unlink()
    return Progress()


def _variables(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]
