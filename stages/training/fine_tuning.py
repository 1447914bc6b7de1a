"""Which weights of a trained end-to-end model go on learning (report 3.2)."""

import keras

from stages.errors import InputError


def unfreeze(model: keras.Model, which: str) -> None:
    """Sets which layers train: all, none of the backbone, or the backbone from a layer's prefix on.

    BatchNormalization stays frozen: its statistics, gathered on ImageNet, would be overwritten by
    those of batches of 32. Compile after this.

    Args:
        model: flat, the backbone's layers first; the head's are named `head_...`.
        which: all | none | a prefix of layer names, such as conv5: layers so named and the head.

    Raises:
        InputError: no layer has that prefix.
    """
    prefixes = {"all": "", "none": "head_"}
    prefix = prefixes.get(which, which)
    if not any(layer.name.startswith(prefix) for layer in model.layers):
        names = sorted({layer.name.split("_")[0] for layer in model.layers})
        raise InputError(
            f"unfreeze: no layer's name starts with {which!r}; names start with {', '.join(names)}"
        )
    for layer in model.layers:
        is_batch_norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = not is_batch_norm and layer.name.startswith((prefix, "head_"))
