"""The same network in another precision."""

from collections.abc import Callable
from typing import Any

import keras


def under(model: keras.Model, policy: str, spares: Callable[[str], bool] = lambda name: False) -> keras.Model:
    """Returns a model of the same weights that computes under another policy of precision.

    Args:
        model: any of Keras' own layers; one that needs no change is returned as it is.
        policy: float32, mixed_bfloat16 or mixed_float16.
        spares: takes a layer's name, returns whether the layer stays as it is.
    """
    whole = keras.saving.serialize_keras_object(model)
    changed = _changed(whole, policy, spares)
    if changed == whole:
        return model
    copy = keras.saving.deserialize_keras_object(changed)
    copy.set_weights(model.get_weights())
    return copy


def _changed(config: Any, policy: str, spares: Callable[[str], bool]) -> Any:
    """Returns a description in which every layer that is not spared has the policy."""
    if isinstance(config, list | tuple):
        return type(config)(_changed(entry, policy, spares) for entry in config)
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return config | {"config": {"name": policy}}
    name = config.get("name")
    if "dtype" in config and isinstance(name, str) and spares(name):
        return config
    return {key: _changed(value, policy, spares) for key, value in config.items()}
