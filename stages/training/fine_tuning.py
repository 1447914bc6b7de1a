"""What a fine-tune starts from, and which weights of that end-to-end model go on learning (report 3.2)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from stages.backbones import extractor, keras_file, precision
from stages.backbones.extractor import HEAD, every_layer
from stages.networks import views
from stages.runtime.errors import InputError
from stages.runtime.hashes import check_files


def load(start: Path, seed: int, knobs: Mapping[str, Any]) -> keras.Model:
    """Loads the network that a seed starts from, without its views, ready to learn.

    Args:
        start: folder of a variant, such as models/frozen.
        seed: of the fine-tune, see `record`.
        knobs: of the fine-tune: `unfreeze`, `unfreeze_batch_norm` and `precision` are used; the head stays in
            float32.

    Raises:
        InputError: the file was edited, or `unfreeze` names no layer.
    """
    folder = _folder(start, seed)
    check_files(folder, {"model.keras": record(start, seed)["sha256"]["model.keras"]})
    model = views.inner(keras_file.read(folder / "model.keras"))
    model = precision.under(model, knobs.get("precision", "float32"), _is_of_the_head)
    unfreeze(model, knobs["unfreeze"], batch_norm=knobs.get("unfreeze_batch_norm", False))
    return model


def enlarging(model: keras.Model, size: int) -> keras.Model:
    """Returns a model that resizes its images before another one sees them, with the other's own layers.

    Random crops let objects appear larger in training than in whole images; larger images make up for it
    (Touvron et al. 2019, arXiv 1906.06423).

    Args:
        model: flat, from images float32[n, height, width, 3] of any size.
        size: height and width in pixels, bilinear as in `stages.datasets.images`; 0 for the model itself.
    """
    if not size:
        return model
    like = model.inputs[0]
    images = keras.Input(batch_shape=like.shape, dtype=like.dtype, name=like.name)
    larger = keras.layers.Resizing(size, size, dtype="float32", name="enlarged")(images)
    outputs = extractor.joined(keras.Model(images, larger), larger, model)
    return keras.Model(images, outputs, name=model.name)


def record(start: Path, seed: int) -> dict[str, Any]:
    """Returns run.json of what a seed starts from: the same seed, or the only one there is."""
    return json.loads((_folder(start, seed) / "run.json").read_text(encoding="utf-8"))


def _is_of_the_head(layer: str) -> bool:
    return layer.startswith((HEAD, "pooled_features")) or layer == "probabilities"


def _folder(start: Path, seed: int) -> Path:
    same, *others = start / f"seed-{seed}", *start.glob("seed-*")
    return others[0] if len(others) == 1 else same


def unfreeze(model: keras.Model, which: str, *, batch_norm: bool = False) -> None:
    """Sets which layers train: all, none of the backbone, or the backbone from a layer's prefix on.

    BatchNormalization stays frozen at any depth unless `batch_norm` is set: its statistics, gathered on
    ImageNet, would be overwritten by those of small batches. Compile after this.

    Args:
        model: flat, from `joining.join`; the names of the head's layers start with `head_`.
        which: all | none | a prefix of layer names, such as conv5: the layers that have it, and the head.
        batch_norm: whether their normalisation trains with them, as after Keras' `trainable = True`.

    Raises:
        InputError: no layer has that prefix.
    """
    prefix = {"all": "", "none": HEAD}.get(which, which)
    if not any(layer.name.startswith(prefix) for layer in model.layers):
        prefixes = sorted({layer.name.split("_")[0] for layer in model.layers})
        raise InputError(
            f"unfreeze: no layer's name starts with {which!r}; expected all, none or a prefix of layer names:"
            f" {', '.join(prefixes)}"
        )
    for layer in model.layers:
        layer.trainable = layer.name.startswith((prefix, HEAD))  # with all that is inside it
    for layer in every_layer(model):
        if isinstance(layer, keras.layers.BatchNormalization) and not batch_norm:
            layer.trainable = False
