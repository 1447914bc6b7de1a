"""How long features take against Keras' own `predict`: python -m benchmarks.features BACKBONE [SIZE [N]].

Both see the same random images, in turns; the best of several turns counts. Ours also writes the files.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from stages.runtime import keras_import
from stages.runtime.errors import run

THREADS, BATCH, TURNS = 2, 32, 3


def main() -> None:
    """Prints seconds of both and their ratio."""
    path, size, n = Path(sys.argv[1]), *map(int, [*sys.argv[2:], *("224", "300")[len(sys.argv) - 2 :]])
    keras_import.load()
    import keras

    from stages.backbones import keras_file
    from stages.features import extraction, pooled_maps
    from stages.training import backend

    backend.configure(THREADS)
    backbone = keras_file.load(path)
    images = np.random.default_rng(0).integers(0, 256, (n, size, size, 3)).astype(np.uint8)
    wanted = {"maps": backbone.outputs[0], "pooled": pooled_maps.pooled(backbone)}
    model = keras.Model(backbone.inputs[0], wanted)
    for one in (model, backbone):
        one.compile(jit_compile=backend.jit_compile())
        one.predict(images[:BATCH], batch_size=BATCH, verbose=0)  # builds the graph
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "images.npy"), images)

        def extract() -> None:
            extraction.extract(model, Path(folder, "images.npy"), Path(folder, "f"), batch_size=BATCH)
            Path(folder, "f", "done.json").unlink()

        ours, theirs = _best(extract, lambda: backbone.predict(images, batch_size=BATCH, verbose=0))
    print(f"{n} images of {size}x{size}: {ours:.1f} s, Keras {theirs:.1f} s, ratio {ours / theirs:.2f}")


def _best(*works: Callable[[], object]) -> list[float]:
    """Returns the fewest seconds of each, done in turns."""
    seconds = [float("inf")] * len(works)
    for _ in range(TURNS):
        for place, work in enumerate(works):
            start = time.perf_counter()
            work()
            seconds[place] = min(seconds[place], time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    run(main)
