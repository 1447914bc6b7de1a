"""Extraction of a backbone's features, a batch at a time."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tqdm import tqdm

from stages.runtime import memmaps, signals
from stages.runtime.atomic import remove, write_json
from stages.runtime.errors import DAMAGE, InputError
from stages.training import backend

HALF_MAX = float(np.finfo(np.float16).max)
Arrays = dict[str, tuple[Any, tuple[int, ...]]]  # name -> dtype and shape


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

    A signal ends the process after the current batch; a killed run resumes after its last whole batch.
    Arrays are mapped for one batch at a time, so that memory does not grow with them.

    Args:
        backbone: from RGB in [0, 255] to feature maps.
        images: file of uint8[n, size, size, 3].
        shape: of one map: (height, width, channels).
        folder: started from scratch, unless it holds the unfinished features of equal `inputs`.
        batch_size: images per forward pass.
        inputs: what the features depend on, as a JSON value.

    Raises:
        InputError: features that float16 cannot hold.
    """
    whole = np.load(images, mmap_mode="r")
    n = len(whole)
    start = _start(
        folder, inputs, {"maps": (np.float16, (n, *shape)), "pooled": (np.float32, (n, shape[-1]))}
    )
    output = backbone.outputs[0]
    model = keras.Model(backbone.inputs[0], [output, keras.layers.GlobalAveragePooling2D()(output)])
    model.compile(jit_compile=backend.jit_compile())
    # The graph is built for the same batch first, resumed or not: its kernels give the same bits.
    model.predict_on_batch(np.zeros((batch_size, *whole.shape[1:]), np.float32))
    for first in tqdm(range(start, n, batch_size), "features", unit="batch", disable=None):
        batch = slice(first, first + batch_size)
        floats = np.load(images, mmap_mode="r")[batch].astype(np.float32)
        with signals.deferred():
            for name, values in zip(("maps", "pooled"), model.predict_on_batch(floats), strict=True):
                _write(folder / f"{name}.npy", batch, np.asarray(values, np.float32))
            write_json(folder / "done.json", {"inputs": inputs, "images": min(first + batch_size, n)})


def _write(path: Path, batch: slice, values: np.ndarray) -> None:
    if not np.abs(values).max() <= HALF_MAX:  # also where it is NaN
        raise InputError(
            f"the backbone returns {values.max()} for images {batch.start} to {batch.stop}, expected at most"
            f" {HALF_MAX:.0f}, the largest float16; scale its output down"
        )
    array = np.lib.format.open_memmap(path, "r+")
    array[batch] = values
    array.flush()  # before done.json says so


def _start(folder: Path, inputs: Any, arrays: Arrays) -> int:
    """Returns how many images are done; creates the arrays where no image of these inputs is."""
    done = _done(folder, inputs, arrays)
    if done:
        print(f"features: resuming after image {done}", flush=True)
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
        has_kinds = {name: (array.dtype, array.shape) for name, array in found.items()} == arrays
        return record["images"] if record["inputs"] == inputs and has_kinds else 0
    except DAMAGE:
        return 0
