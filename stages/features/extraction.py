"""Extraction of a backbone's features, a batch at a time."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from stages.networks import views
from stages.runtime import memmaps, progress, signals
from stages.runtime.atomic import remove, write_json
from stages.runtime.errors import DAMAGE, InputError

HALF_MAX = float(np.finfo(np.float16).max)
DTYPES = {"maps": np.float16, "pooled": np.float32}
Arrays = dict[str, tuple[Any, tuple[int, ...]]]  # name -> dtype and shape


def extract(
    model: keras.Model,
    images: Path,
    folder: Path,
    *,
    batch_size: int,
    looks: Sequence[views.View] = (views.PLAIN,),
    inputs: Any = None,
) -> dict[str, list[int]]:
    """Writes an array per output of the model, [n, views, ...], and done.json.

    A signal ends the process after the current batch; a killed run resumes after its last whole batch.
    Arrays are mapped for one batch at a time, so that memory does not grow with them.

    Args:
        model: compiled, from RGB in [0, 255] to {"maps": float[n, height, width, channels], saved as
            float16, "pooled": float32[n, c]}, or only one of them.
        images: file of uint8[n, size, size, 3].
        folder: started from scratch, unless it holds the unfinished features of equal `inputs`.
        batch_size: images per forward pass.
        looks: views of each image, a forward pass each.
        inputs: what the features depend on, as a JSON value.

    Returns:
        The shape of what is written for one image, by the name of the array.

    Raises:
        InputError: features that are too large for their number type.
    """
    whole = np.load(images, mmap_mode="r")
    n, size = len(whole), whole.shape[1]
    like = model.compute_output_spec(keras.KerasTensor((1, size, size, 3), "float32"))
    arrays = {name: (DTYPES[name], (n, len(looks), *one.shape[1:])) for name, one in like.items()}
    start = _start(folder, inputs, arrays)
    if start and n - start < batch_size:
        # The graph is built for a whole batch first, resumed or not, so that its kernels give the same bits.
        model.predict_on_batch(np.zeros((batch_size, *whole.shape[1:]), np.float32))
    with progress.bar("features", total=n, done=start, unit="image") as bar:
        for first in range(start, n, batch_size):
            batch = slice(first, min(first + batch_size, n))
            floats = np.load(images, mmap_mode="r")[batch].astype(np.float32)
            with signals.deferred():
                _write(folder, batch, [_outputs(model, floats, look) for look in looks])
                write_json(folder / "done.json", {"inputs": inputs, "images": batch.stop})
            bar.update(len(floats))
    return {name: list(shape[1:]) for name, (_, shape) in arrays.items()}


def _outputs(model: keras.Model, images: np.ndarray, look: views.View) -> dict[str, np.ndarray]:
    seen = keras.ops.convert_to_numpy(views.seen(images, look))
    return {name: np.asarray(values, np.float32) for name, values in model.predict_on_batch(seen).items()}


def _write(folder: Path, batch: slice, found: Sequence[Mapping[str, np.ndarray]]) -> None:
    """Writes a batch of each array, from its outputs for each view."""
    for name in found[0]:
        array = np.lib.format.open_memmap(folder / f"{name}.npy", "r+")
        for place, of_view in enumerate(found):
            _check(of_view[name], batch, HALF_MAX if array.dtype == np.float16 else np.inf)
            array[batch, place] = of_view[name]
        array.flush()  # before done.json says so


def _check(values: np.ndarray, batch: slice, most: float) -> None:
    largest = np.abs(values).max()
    if not (largest <= most and np.isfinite(largest)):  # also if it is NaN
        limit = f"at most {most:.0f}, the largest float16" if most < np.inf else "finite numbers"
        raise InputError(
            f"the backbone returns {largest} for images {batch.start} to {batch.stop}, expected {limit};"
            " scale its output down"
        )


def _start(folder: Path, inputs: Any, arrays: Arrays) -> int:
    """Returns how many images are done; creates the arrays if there are none yet for these inputs."""
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
