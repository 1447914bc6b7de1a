"""Extraction of a backbone's features, a batch at a time."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from stages import interruptions, memmaps
from stages.atomic import remove, write_json
from stages.errors import DAMAGE, InputError
from stages.training import backend

HALF_MAX = float(np.finfo(np.float16).max)
Arrays = dict[str, tuple[Any, tuple[int, ...]]]  # dtype and shape by name
LIMIT = f"expected at most {HALF_MAX:.0f}, what float16 holds; scale its output down"


def extract(
    backbone: keras.Model,
    images: Path,
    shape: tuple[int, ...],
    folder: Path,
    *,
    batch_size: int,
    inputs: Any = None,
) -> None:
    """Writes maps.npy, float16[n, height, width, channels], pooled.npy, float32[n, channels], and done.json.

    A signal ends the process after the batch it comes in; a killed one goes on after its last whole batch.

    Arrays are mapped for one batch at a time, so that memory does not grow with them.

    Args:
        backbone: from RGB in [0, 255] to feature maps.
        images: file of uint8[n, size, size, 3].
        shape: of one map: (height, width, channels).
        folder: made anew, unless it holds the unfinished features of equal `inputs`.
        batch_size: images per forward pass.
        inputs: what the features depend on, as a JSON value.
    """
    whole = np.load(images, mmap_mode="r")
    n = len(whole)
    start = _start(
        folder, inputs, {"maps": (np.float16, (n, *shape)), "pooled": (np.float32, (n, shape[-1]))}
    )
    output = backbone.outputs[0]
    model = keras.Model(backbone.inputs[0], [output, keras.layers.GlobalAveragePooling2D()(output)])
    model.compile(jit_compile=backend.jit_compile())
    model.predict_on_batch(np.zeros((batch_size, *whole.shape[1:]), np.float32))  # see fitting._warm_up
    batches = range(start, n, batch_size)
    for first in tqdm(batches, "features", unit="batch", disable=None):
        batch = slice(first, first + batch_size)
        pictures = np.load(images, mmap_mode="r")[batch].astype(np.float32)
        with interruptions.deferred():
            for name, values in zip(("maps", "pooled"), model.predict_on_batch(pictures), strict=True):
                _write(folder / f"{name}.npy", batch, values)
            write_json(folder / "done.json", {"inputs": inputs, "images": min(first + batch_size, n)})


def _write(path: Path, batch: slice, values: np.ndarray) -> None:
    # Not finite or too large: one comparison, as nan compares false.
    if not np.abs(values).max() <= HALF_MAX:
        raise InputError(
            f"the backbone returns {values.max()} in images {batch.start} to {batch.stop}, {LIMIT}"
        )
    array = np.lib.format.open_memmap(path, "r+")
    array[batch] = values
    array.flush()  # before done.json says so


def _start(folder: Path, inputs: Any, arrays: Arrays) -> int:
    """Returns how many images are done; makes the arrays where none are or they are of other inputs."""
    done = _done(folder, inputs, arrays)
    if done:
        print(f"features: goes on after image {done}", flush=True)
        return done
    remove(folder)
    folder.mkdir(parents=True)
    for name, (dtype, whole) in arrays.items():
        memmaps.create(folder / f"{name}.npy", dtype, whole)
    return 0


def _done(folder: Path, inputs: Any, arrays: Arrays) -> int:
    """Returns how many images of equal inputs are done, 0 where something is missing or damaged."""
    try:
        record = json.loads((folder / "done.json").read_text(encoding="utf-8"))
        found = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in arrays}
        is_current = record["inputs"] == inputs
        return record["images"] if is_current and _kinds(found) == arrays else 0
    except DAMAGE:
        return 0


def _kinds(found: dict[str, np.ndarray]) -> Arrays:
    return {name: (array.dtype, array.shape) for name, array in found.items()}
