"""Optimizers and learning rates as params.yaml describes them."""

import copy
import math
from typing import Any

import keras
import numpy as np

from stages.runtime.errors import InputError


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


def learning_rates(base: float, steps: np.ndarray, total: int, *, schedule: str, warmup: float) -> np.ndarray:
    """Returns the learning rate of steps of a training run.

    Args:
        base: the optimizer's own rate.
        steps: int64[k], counted from 0 over all epochs.
        total: number of steps of the whole run.
        schedule: constant, or linear or cosine (Loshchilov and Hutter 2016) from the base to 0.
        warmup: share of the run in which the rate first rises linearly to the base, in [0, 1).

    Returns:
        float32[k], at most `base`.
    """
    rising = warmup * total
    progress = np.clip((steps - rising) / (total - rising), 0, 1)
    decays = {
        "constant": np.ones_like(progress),
        "linear": 1 - progress,
        "cosine": (1 + np.cos(math.pi * progress)) / 2,
    }
    rise = np.minimum(1, (steps + 1) / rising) if rising else 1.0
    return (base * decays[schedule] * rise).astype(np.float32)


def average_decays(ema: float, steps: np.ndarray) -> np.ndarray:
    """Returns the decay of the moving average at each step, float32[k]: smaller at first, then `ema`.

    Else the first steps' weights, which are random, would weigh long.
    """
    return np.minimum(ema, (1 + steps) / (10 + steps)).astype(np.float32)
