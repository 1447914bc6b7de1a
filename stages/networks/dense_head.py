"""Dense classifiers on pooled ResNet50 features (report Tables 4, 5 and 7)."""

from typing import Any

import keras

from stages.networks.layers import classifier

FEATURES = "pooled"


def attach(features: Any, variant: dict[str, Any], n_classes: int) -> Any:
    """Adds the head to pooled features, float32[n, 2048]; returns probabilities, float32[n, n_classes].

    `dense_units: []` is Table 4 (409,800 parameters at 200 classes), `[1024]` is Table 5 (2,303,176).
    """
    return classifier(features, variant, n_classes)


def build(variant: dict[str, Any], input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Returns the head as a model from features, float32[n, *input_shape], to probabilities."""
    features = keras.Input(input_shape, name="pooled_features")
    return keras.Model(features, attach(features, variant, n_classes), name=variant["name"])
