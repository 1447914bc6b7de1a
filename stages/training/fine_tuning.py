"""Which weights of a trained end-to-end model continue to learn (report 3.2)."""

import keras

from stages.backbones.extractor import HEAD, every_layer
from stages.runtime.errors import InputError


def unfreeze(model: keras.Model, which: str) -> None:
    """Sets which layers train: all, none of the backbone, or the backbone from a layer's prefix on.

    BatchNormalization stays frozen at any depth: its statistics, gathered on ImageNet, would be overwritten
    by those of batches of 32. Compile after this.

    Args:
        model: flat, from `extractor.end_to_end`; the names of the head's layers start with `head_`.
        which: all | none | a prefix of layer names, such as conv5: the layers named so, and the head.

    Raises:
        InputError: no layer of the backbone has that prefix.
    """
    prefix = {"all": "", "none": HEAD}.get(which, which)
    if not any(layer.name.startswith(prefix) for layer in model.layers):
        prefixes = sorted({layer.name.split("_")[0] for layer in model.layers})
        raise InputError(
            f"unfreeze: no layer's name starts with {which!r}; expected all, none or a prefix of layer names:"
            f" {', '.join(prefixes)}"
        )
    for layer in model.layers:
        layer.trainable = layer.name.startswith((prefix, HEAD))  # and what is inside it
    for layer in every_layer(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
