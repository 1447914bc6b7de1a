"""Checkpoints of a training, one file per variant, so that a killed run loses at most one epoch.

They lie outside DVC's outs, which DVC deletes before a stage runs. An epoch is a function of its
number, the weights and the optimizer (see `batches`, `fitting`), so these are all there is to keep.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from stages.atomic import replacing


def save(path: Path, model: keras.Model, history: list[dict[str, float]], fingerprint: str) -> None:
    """Writes weights, optimizer state and history; replaces the file at once."""
    state = {f"variable_{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(_variables(model))}
    header = json.dumps({"fingerprint": fingerprint, "history": history})
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, header=np.array(header), **state)


def restore(path: Path, model: keras.Model, fingerprint: str) -> list[dict[str, float]]:
    """Puts a checkpoint's state into a compiled model and returns the history up to there.

    Returns:
        An empty list, with the model as it was, where there is no checkpoint of this very run.
    """
    if not path.exists():
        return []
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            header: dict[str, Any] = json.loads(str(archive["header"]))
            if header["fingerprint"] != fingerprint:
                return []
            values = [archive[f"variable_{i}"] for i in range(len(_variables(model)))]
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError) as error:
        print(f"{path} is damaged ({error}); training starts anew", flush=True)
        return []
    for variable, value in zip(_variables(model), values, strict=True):
        variable.assign(value)
    return header["history"]


def _variables(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]
