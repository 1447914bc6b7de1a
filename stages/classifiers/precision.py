"""The same network in another precision."""

from typing import Any

import keras


def in_float32(model: keras.Model) -> keras.Model:
    """Returns a model of the same weights that computes in float32 what another does in a mixed precision.

    Args:
        model: any of Keras' own layers; one of float32 is returned as it is.
    """
    whole = keras.saving.serialize_keras_object(model)
    single = _single(whole)
    if single == whole:
        return model
    copy = keras.saving.deserialize_keras_object(single)
    copy.set_weights(model.get_weights())
    return copy


def _single(config: Any) -> Any:
    """Returns a description in which every layer's policy is float32."""
    if isinstance(config, list | tuple):
        return type(config)(map(_single, config))
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return config | {"config": {"name": "float32"}}
    return {key: _single(value) for key, value in config.items()}
