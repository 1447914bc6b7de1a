"""What a training minimises: a loss found by its name, with weights of the classes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from stages.runtime.modules import accepted, find

# Takes targets float32[n, k], rows of which sum to 1, and probabilities float32[n, k]; returns float32[n].
Loss = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Objective:
    """Knobs of what is minimised.

    Attributes:
        loss: a file of stages/losses.
        class_weights: none, or balanced: every class counts the same, however many images it has.
    """

    loss: str = "cross_entropy"
    class_weights: str = "none"


def build(objective: Objective, knobs: Mapping[str, Any], labels: np.ndarray, n_classes: int) -> Loss:
    """Returns the loss of single examples.

    Args:
        objective: which one.
        knobs: of the variant; the loss takes those that it names.
        labels: int64[m], of the training examples.
        n_classes: number of classes.
    """
    function = find("losses", objective.loss).loss
    taken = accepted(function, knobs)
    if objective.class_weights == "none":
        return lambda targets, outputs: function(targets, outputs, **taken)
    weights = _balanced(labels, n_classes)
    return lambda targets, outputs: (
        function(targets, outputs, **taken) * keras.ops.sum(targets * weights, axis=-1)
    )


def plain_cross_entropy(targets: Any, outputs: Any) -> Any:
    """Returns the cross-entropy of each example, float32[n]: what every history records as its loss."""
    return keras.losses.categorical_crossentropy(targets, outputs)


def _balanced(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Returns the weight of each class, float32[n_classes]: m / (n_classes · its examples); 1 on average."""
    counts = np.bincount(labels, minlength=n_classes)
    return (len(labels) / (n_classes * np.maximum(counts, 1))).astype(np.float32)
