"""Dense classifiers on pooled ResNet50 features (report Tables 4, 5 and 7)."""

from collections.abc import Sequence
from typing import Any

from stages.networks.layers import dense_classifier

LEARNS_FROM = "pooled"
ONE_RATE_PER = {"dense_dropout": ("dense_units", 1)}
LINEAR_WHERE = {"dense_units": []}  # then head_logits is the only layer that trains


def build(
    inputs: Any,
    *,
    n_classes: int,
    seed: int,
    dense_units: Sequence[int],
    dense_dropout: Sequence[float] = (),
    batch_norm: str = "none",
    activation: str = "relu",
    bn_momentum: float = 0.99,
) -> Any:
    """Adds the classifier; with `dense_units: []` it is Table 4 (409,800 parameters), with `[1024]` Table 5.

    Args:
        inputs: pooled features, float32[n, 2048].
        n_classes: width of the softmax.
        seed: of initial weights and dropout.
        dense_units: of the dense layers before the classifier.
        dense_dropout: a rate after each dense layer; [] is off.
        batch_norm: none, before or after each activation.
        activation: relu, silu or gelu.
        bn_momentum: of batch normalisation's moving means, in [0, 1).

    Returns:
        Probabilities, float32[n, n_classes].
    """
    return dense_classifier(
        inputs,
        n_classes=n_classes,
        seed=seed,
        dense_units=dense_units,
        dense_dropout=dense_dropout,
        batch_norm=batch_norm,
        activation=activation,
        bn_momentum=bn_momentum,
    )
