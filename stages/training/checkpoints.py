"""Checkpoints of training runs, so that a killed one loses at most an epoch and a stopped one nothing.

They lie outside DVC's outs, which DVC deletes before a stage runs, and so do finished seeds. An epoch is a
function of its number and of the variables (see `plan`), so nothing else has to be kept.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from stages.runtime.atomic import replacing
from stages.runtime.errors import DAMAGE

FOLDER = Path(".checkpoints")
Step = tuple[int, float, float]  # examples, loss, accuracy


@dataclass
class Progress:
    """How far a training run has come.

    Attributes:
        history: a record for each finished epoch.
        steps: those done so far of the next epoch.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def __str__(self) -> str:
        """Names the last thing done."""
        epoch = f"epoch {self.history[-1]['epoch']}" if self.history else "the start"
        return f"{epoch}, step {len(self.steps)}" if self.steps else epoch


def store(out: Path) -> Path:
    """Returns the folder that keeps the seeds of an output: .checkpoints/models/final for models/final."""
    return FOLDER / out.parent.name / out.name


def save(path: Path, variables: Sequence[Any], progress: Progress, fingerprint: str) -> None:
    """Writes all variables and the progress; replaces the file in one step."""
    arrays = {f"variable_{i}": values for i, values in enumerate(state(variables))}
    header = json.dumps({"fingerprint": fingerprint, **vars(progress)})
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, header=np.array(header), **arrays)


def state(variables: Sequence[Any]) -> list[np.ndarray]:
    """Returns copies of the values of Keras variables, in their order."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def assign(variables: Sequence[Any], arrays: Sequence[np.ndarray]) -> None:
    """Gives Keras variables these values."""
    for variable, values in zip(variables, arrays, strict=True):
        variable.assign(values)


def restore(path: Path, variables: Sequence[Any], fingerprint: str) -> Progress:
    """Gives the variables a checkpoint's values, all or none, and returns the progress up to there.

    A checkpoint of a different run, or a damaged one, is deleted.

    Returns:
        No progress, with the variables unchanged, if there is no checkpoint of this very run.
    """
    if not path.exists():
        return Progress()
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            header: dict[str, Any] = json.loads(str(archive["header"]))
            if header["fingerprint"] != fingerprint:
                return _delete(path, "belongs to a different run (settings, code, data, versions or device)")
            arrays = [archive[f"variable_{i}"] for i in range(len(variables))]
        if [array.shape for array in arrays] != [tuple(variable.shape) for variable in variables]:
            raise ValueError("its arrays have other shapes")
        progress = Progress(header["history"], [tuple(step) for step in header["steps"]])
    except DAMAGE as error:
        return _delete(path, f"is damaged ({error})")
    assign(variables, arrays)
    return progress


def _delete(path: Path, problem: str) -> Progress:
    print(f"{path} {problem}; deleted, starting from scratch", flush=True)
    path.unlink()
    return Progress()
