"""What a backbone is: one flat model from raw RGB in [0, 255] to a feature map. Joins it to a head."""

import itertools
from typing import Any

import keras
import numpy as np

from stages.runtime.errors import InputError

HEAD = "head_"  # how the names of a head's layers with weights start


def every_layer(model: keras.Model) -> list[keras.layers.Layer]:
    """Returns all layers at any depth, each once: also those inside wrappers and nested models."""
    return model._flatten_layers(include_self=False)


def flat(model: keras.Model) -> keras.Model:
    """Returns the same model without models inside it, so that nobody sees only its outer layers.

    The layers are the model's own, with their weights. Where two have one name, the later one is renamed.
    """
    nested = any(isinstance(layer, keras.Model) for layer in every_layer(model))
    if not (nested or isinstance(model, keras.Sequential)) or len(model.inputs) != 1:
        return model
    like = model.inputs[0]
    inputs = keras.Input(batch_shape=like.shape, dtype=like.dtype, name=like.name)
    outputs = _Inlining({like.name}).call(model, inputs)
    return keras.Model(inputs, outputs, name=model.name)


def end_to_end(backbone: keras.Model, head: keras.Model) -> keras.Model:
    """Joins a backbone and a head to one flat model from images to probabilities; the backbone is frozen.

    Layers of the backbone that are named like the head's are renamed `backbone_...`.

    Args:
        backbone: from RGB in [0, 255] to feature maps, float32[n, height, width, channels].
        head: from pooled features float32[n, channels], or from maps, to probabilities.
    """
    pool = keras.layers.GlobalAveragePooling2D(name="pooled_features")
    taken = {pool.name, *(layer.name for layer in head.layers)}
    for layer in backbone.layers:
        layer.trainable = False
        if layer.name in taken or layer.name.startswith(HEAD):
            layer.name = f"backbone_{layer.name}"
    maps = backbone.outputs[0]
    features = pool(maps) if len(head.inputs[0].shape) == 2 else maps
    outputs = _Inlining({layer.name for layer in backbone.layers}).call(head, features)
    return keras.Model(backbone.inputs[0], outputs, name=head.name)


def check(model: keras.Model, image_size: int) -> tuple[int, ...]:
    """Checks that a backbone takes raw RGB images and returns finite feature maps.

    Args:
        model: the backbone.
        image_size: height and width in pixels.

    Returns:
        The shape of one feature map: (height, width, channels).

    Raises:
        InputError: it does not take such images, or returns something else.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        received = f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
        raise InputError(f"the backbone has {received}, expected one of each")
    images = np.random.default_rng(0).integers(0, 256, (2, image_size, image_size, 3)).astype(np.float32)
    try:
        maps = np.asarray(keras.ops.convert_to_numpy(model.predict_on_batch(images)), np.float32)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"the backbone does not take RGB images of {image_size}x{image_size}: {first_line(error)}"
        ) from None
    if maps.ndim != 4 or len(maps) != 2:
        raise InputError(
            f"the backbone returns shape {maps.shape}, expected feature maps: (n, height, width, channels);"
            " save it without its pooling and classifier (include_top=False)"
        )
    if not np.isfinite(maps).all():
        raise InputError("the backbone returns infinite values or NaN for images in [0, 255]")
    if np.array_equal(*maps):
        raise InputError(
            "the backbone returns equal maps for different images; it must take raw RGB in [0, 255],"
            " with its preprocessing inside the model"
        )
    return maps.shape[1:]


def first_line(error: Exception) -> str:
    """Returns what an error of Keras says first, without its pages of detail."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


class _Inlining:
    """Calls models layer by layer, so that the result consists of their layers alone.

    Args:
        names: of layers that are taken.
    """

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self._seen: set[int] = set()

    def call(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls a layer, an operation of keras.ops or a model on symbolic tensors."""
        if isinstance(operation, keras.Sequential):
            (x,) = args
            for layer in operation.layers:
                x = self.call(layer, x)
            return x
        if isinstance(operation, keras.Model):
            return operation._run_through_graph(args[0], lambda layer: layer, call_fn=self.call)
        if id(operation) not in self._seen:
            operation.name = self._free(operation.name)
            self._seen.add(id(operation))
            self._names.add(operation.name)
        return operation(*args, **kwargs)

    def _free(self, name: str) -> str:
        numbered = (f"{name}_{number}" for number in itertools.count(1))
        return next(name for name in itertools.chain([name], numbered) if name not in self._names)
