"""A small stand-in for ResNet50 with the same contract, for the demo and the tests."""

import keras

from stages.networks.seeds import layer_seed


def build(seed: int = 0) -> keras.Model:
    """Returns an untrained network from raw RGB in [0, 255] to maps of 2048 channels, an eighth as large.

    Images of 56x56 give 7x7x2048, as ResNet50 gives for 224x224, so every head fits. Its weights are
    random: what it extracts distinguishes colours and coarse shapes, nothing more.
    """
    images = keras.Input((None, None, 3), name="image")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="pixels")(images)
    for block, filters in enumerate((32, 64, 128), start=2):
        x = _convolution(x, filters, 3, f"conv{block}", seed)
    features = _convolution(x, 2048, 1, "conv5", seed)
    return keras.Model(images, features, name="small_backbone")


def _convolution(x, filters: int, size: int, name: str, seed: int):
    initializer = keras.initializers.HeNormal(seed=layer_seed(seed, name))
    strides = 1 if size == 1 else 2
    x = keras.layers.Conv2D(
        filters, size, strides, padding="same", kernel_initializer=initializer, name=f"{name}_conv"
    )(x)
    x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
    return keras.layers.Activation("relu", name=f"{name}_relu")(x)
