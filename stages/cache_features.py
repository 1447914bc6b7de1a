"""Extracts ResNet50 features once: python -m stages.cache_features IMAGES.npy BACKBONE.keras FEATURES_FOLDER.

Writes maps.npy (float16, one feature map per image) and pooled.npy (float32, its average over height
and width), in the order of the images.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from stages import parameters
from stages.atomic import replacing
from stages.errors import run
from stages.networks import resnet50
from stages.training import backend


def main() -> None:
    """Makes one forward pass over all images and writes the features' folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="images.npy that `prepare` made")
    parser.add_argument("backbone", type=Path, help="backbone.keras")
    parser.add_argument("features", type=Path, help="folder to write")
    arguments = parser.parse_args()

    knobs = parameters.load(Path("params.yaml"))["features"]
    backend.configure(knobs["threads"])
    images = np.load(arguments.images, mmap_mode="r")
    backbone = resnet50.from_model_file(arguments.backbone)
    shape = resnet50.check(backbone, images.shape[1])
    with replacing(arguments.features) as partial:
        partial.mkdir()
        extract(backbone, images, shape, partial, batch_size=knobs["batch_size"])
    print(f"features: {len(images):,} images, maps of {' x '.join(map(str, shape))}")


def extract(
    backbone: keras.Model, images: np.ndarray, shape: tuple[int, ...], folder: Path, *, batch_size: int
) -> None:
    """Writes maps.npy, float16[n, height, width, channels], and pooled.npy, float32[n, channels].

    Args:
        backbone: from RGB in [0, 255] to feature maps.
        images: uint8[n, size, size, 3], memory-mapped: only a batch at a time is in memory.
        shape: of one map: (height, width, channels).
        folder: an existing folder.
        batch_size: images per forward pass.
    """
    output = backbone.outputs[0]
    model = keras.Model(backbone.inputs, [output, keras.layers.GlobalAveragePooling2D()(output)])
    model.compile(jit_compile=backend.jit_compile())
    maps = np.lib.format.open_memmap(folder / "maps.npy", "w+", np.float16, (len(images), *shape))
    pooled = np.lib.format.open_memmap(folder / "pooled.npy", "w+", np.float32, (len(images), shape[-1]))
    for start in tqdm(range(0, len(images), batch_size), "features", unit="batch", disable=None):
        batch = slice(start, start + batch_size)
        maps[batch], pooled[batch] = model.predict_on_batch(images[batch].astype(np.float32))
    maps.flush()
    pooled.flush()


if __name__ == "__main__":
    run(main)
