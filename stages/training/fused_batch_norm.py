"""Batch normalisation by TensorFlow's fused kernel while a network trains.

Keras computes moments, scaling and moving averages as separate operations, each of which reads the whole
activation again. The layers stay Keras' own, and so does the file that is saved.
"""

from collections.abc import Callable
from typing import Any

import keras


def use(model: keras.Model) -> None:
    """Lets the batch normalisation of a model use the fused kernel; only on TensorFlow.

    Layers that are frozen, or that normalise an axis other than the last, stay as they are.
    """
    for layer in model._flatten_layers(include_self=False):  # nested models, too
        if type(layer) is keras.layers.BatchNormalization and layer.trainable and _is_plain(layer):
            layer.call = _fused(layer, layer.call)


def _is_plain(layer: keras.layers.BatchNormalization) -> bool:
    rank = len(layer.input.shape)
    scales = layer.scale and layer.center
    return (
        rank in (2, 4)
        and layer.axis in (-1, rank - 1)
        and scales
        and not (layer.synchronized or layer.renorm)
    )


def _fused(layer: keras.layers.BatchNormalization, call: Callable[..., Any]) -> Callable[..., Any]:
    import tensorflow as tf

    def fused(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if not training or not layer.trainable or mask is not None:
            return call(inputs, training=training, mask=mask)
        x = tf.cast(inputs, tf.float32)
        channels = x.shape[-1]
        y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            x if len(x.shape) == 4 else tf.reshape(x, (-1, 1, 1, channels)),
            keras.ops.cast(layer.gamma, "float32"),
            keras.ops.cast(layer.beta, "float32"),
            epsilon=layer.epsilon,
            is_training=True,
        )
        # the kernel returns the variance of a sample; Keras gathers that of the batch
        n = tf.cast(tf.size(x) // channels, tf.float32)
        for moving, value in (
            (layer.moving_mean, mean),
            (layer.moving_variance, variance * ((n - 1) / n)),
        ):
            old = keras.ops.cast(moving, "float32")
            moving.assign(old * layer.momentum + value * (1.0 - layer.momentum))
        return tf.cast(tf.reshape(y, tf.shape(x)), inputs.dtype)

    return fused
