"""A convolution over the ResNet50 feature map, then dense layers (report Table 6)."""

from typing import Any

import keras

from stages.networks.layers import classifier, convolution, dropout, relu

FEATURES = "maps"


def attach(features: Any, variant: dict[str, Any], n_classes: int) -> Any:
    """Adds the head to a feature map.

    Table 6 lists "Avg.Pool" with 5x5 in and 5x5 out and 12800 = 5*5*512 inputs to the dense layer,
    the text a GlobalAveragePooling2D. `pooling: flatten` is the table (an average over 2x2 at stride
    1 that keeps 5x5; 22,757,064 parameters at 200 classes), `pooling: global_average` is the text.

    Args:
        features: float32[n, 7, 7, 2048].
        variant: `filters` (one), `block_dropout` (one rate or []), `pooling`, `batch_norm`,
            `dense_units`, `dense_dropout` and `seed` are used.
        n_classes: width of the softmax.

    Returns:
        Probabilities, float32[n, n_classes].
    """
    (filters,) = variant["filters"]
    x = convolution(features, filters, 3, name="head_conv1", seed=variant["seed"])
    x = relu(x, name="head_conv1", batch_norm=variant["batch_norm"])
    if variant["pooling"] == "global_average":
        x = keras.layers.GlobalAveragePooling2D(name="head_pool")(x)
    else:
        x = keras.layers.AveragePooling2D(2, strides=1, padding="same", name="head_pool")(x)
    for rate in variant["block_dropout"]:
        x = dropout(x, rate, name="head_dropout", seed=variant["seed"])
    if variant["pooling"] == "flatten":
        x = keras.layers.Flatten(name="flatten")(x)
    return classifier(x, variant, n_classes)


def build(variant: dict[str, Any], input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Returns the head as a model from feature maps, float32[n, *input_shape], to probabilities."""
    features = keras.Input(input_shape, name="feature_map")
    return keras.Model(features, attach(features, variant, n_classes), name=variant["name"])
