"""Optimizers as params.yaml describes them."""

import copy
from typing import Any

import keras

from stages.errors import InputError


def build(block: dict[str, Any]) -> keras.optimizers.Optimizer:
    """Builds a Keras optimizer.

    Args:
        block: `class_name` and `config`, as `keras.optimizers.get` takes it; a learning rate that is a
            block goes through `keras.optimizers.schedules.deserialize`.

    Raises:
        InputError: Keras refuses it.
    """
    content = copy.deepcopy(block)  # Keras writes into what it is given
    try:
        if isinstance(content["config"].get("learning_rate"), dict):
            schedule = keras.optimizers.schedules.deserialize(content["config"]["learning_rate"])
            content["config"]["learning_rate"] = schedule
        return keras.optimizers.get(content)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        reason = str(error).rpartition("Exception encountered:")[2].strip() or type(error).__name__
        raise InputError(f"Keras refuses optimizer {block}: {reason.splitlines()[0]}") from None
