"""Optimizers and learning rates as params.yaml describes them."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from stages.runtime.errors import InputError
from stages.runtime.modules import find


@dataclass(frozen=True)
class Recipe:
    """Knobs of how weights move.

    Attributes:
        optimizer: `class_name` and `config`, as `keras.optimizers.get` takes them.
        schedule: a file of stages/schedules: how the learning rate changes over the training.
        warmup: share of the training in which the learning rate rises to its value, in [0, 1).
        rate_multipliers: prefix of layer names -> factor of the learning rate; the longest match wins.
        weight_decay_on: all, or kernels: neither biases nor normalisation decay.
        ema: decay of the moving average of all weights, in [0, 1); 0 is off.
    """

    optimizer: Mapping[str, Any]
    schedule: str = "constant"
    warmup: float = 0.0
    rate_multipliers: Mapping[str, float] = field(default_factory=dict)
    weight_decay_on: str = "all"
    ema: float = 0.0

    @property
    def sets_rate(self) -> bool:
        """Whether each step's learning rate is set; otherwise it is the optimizer's own."""
        return self.schedule != "constant" or self.warmup > 0


def build(recipe: Recipe, weights: Sequence[Any]) -> keras.optimizers.Optimizer:
    """Builds a Keras optimizer for these weights.

    Args:
        recipe: its knobs; a learning rate that is a block is read by
            `keras.optimizers.schedules.deserialize`.
        weights: those that are trained.

    Raises:
        InputError: Keras refuses it.
    """
    content = copy.deepcopy(dict(recipe.optimizer))  # Keras writes into what it is given
    try:
        if isinstance(content["config"].get("learning_rate"), dict):
            schedule = keras.optimizers.schedules.deserialize(content["config"]["learning_rate"])
            content["config"]["learning_rate"] = schedule
        optimizer = keras.optimizers.get(content)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        reason = str(error).rpartition("Exception encountered:")[2].strip() or type(error).__name__
        block = dict(recipe.optimizer)
        raise InputError(f"Keras refuses optimizer {block}: {reason.splitlines()[0]}") from None
    if recipe.weight_decay_on == "kernels":
        optimizer.exclude_from_weight_decay(var_list=[weight for weight in weights if _is_spared(weight)])
    optimizer.build(weights)
    return optimizer


def multipliers(recipe: Recipe, model: keras.Model, name: str) -> list[tuple[Any, float]]:
    """Returns the trained weights whose learning rate has a factor other than 1, with that factor.

    Args:
        recipe: names the layers by prefixes.
        model: flat: its own layers have the names.
        name: of the variant, for an error.

    Raises:
        InputError: a prefix that no layer's name starts with.
    """
    names = [layer.name for layer in model.layers]
    for prefix in recipe.rate_multipliers:
        if not any(layer.startswith(prefix) for layer in names):
            starts = ", ".join(sorted({layer.split("_")[0] for layer in names}))
            raise InputError(
                f"variant {name!r}: rate_multipliers: no layer's name starts with {prefix!r};"
                f" expected a prefix of layer names: {starts}"
            )
    pairs = [
        (weight, _factor(layer.name, recipe.rate_multipliers))
        for layer in model.layers
        for weight in layer.trainable_weights
    ]
    return [pair for pair in pairs if pair[1] != 1.0]


def learning_rates(recipe: Recipe, base: float, steps: np.ndarray, total: int) -> np.ndarray:
    """Returns the learning rate of steps of a training run.

    Args:
        recipe: its schedule and warm-up, which is linear.
        base: the optimizer's own rate.
        steps: int64[k], counted from 0 over all epochs.
        total: number of steps of the whole run.

    Returns:
        float32[k], at most `base`.
    """
    rising = recipe.warmup * total
    progress = np.clip((steps - rising) / (total - rising), 0, 1)
    decay = find("schedules", recipe.schedule).decay(progress)
    rise = np.minimum(1, (steps + 1) / rising) if rising else 1.0
    return (base * decay * rise).astype(np.float32)


def average_decays(ema: float, steps: np.ndarray) -> np.ndarray:
    """Returns the decay of the moving average at each step, float32[k]: smaller at first, then `ema`.

    Otherwise the first steps' weights, which are random, would count for a long time.
    """
    return np.minimum(ema, (1 + steps) / (10 + steps)).astype(np.float32)


def _is_spared(weight: Any) -> bool:
    """Returns whether a weight is a bias or belongs to a normalisation, as all weights with one axis do."""
    return len(weight.shape) < 2


def _factor(layer: str, factors: Mapping[str, float]) -> float:
    prefixes = [prefix for prefix in factors if layer.startswith(prefix)]
    return factors[max(prefixes, key=len)] if prefixes else 1.0
