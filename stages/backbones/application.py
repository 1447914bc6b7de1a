"""A backbone from the official weights of a model of keras.applications, with its preprocessing inside."""

import sys
import warnings
from pathlib import Path

import keras
import numpy as np

from stages.backbones import extractor, keras_file
from stages.runtime.errors import DAMAGE, InputError

Statistics = tuple[list[float], list[float]]


def load(source: Path, *, application: str) -> keras.Model:
    """Builds a model of keras.applications from its weights without top, such as ResNet50 (He et al. 2015).

    Args:
        source: the weights file, `..._notop.h5`; a .keras file from a mirror is loaded as it is.
        application: its name in keras.applications, such as ResNet50 or MobileNetV2.

    Returns:
        A flat model from RGB in [0, 255], float32[n, height, width, 3], to feature maps float32[n, h, w, c].

    Raises:
        InputError: keras.applications has no such model, or the file does not hold its weights.
    """
    if source.suffix == ".keras":
        return keras_file.load(source)
    build = getattr(keras.applications, application, None)
    if not callable(build):
        names = [name for name in dir(keras.applications) if name[0].isupper()]
        raise InputError(f"application: received {application!r}, expected one of {', '.join(names)}")
    module = sys.modules[build.__module__]
    (mean, variance), swaps = _preprocessing(module.preprocess_input)
    x = images = keras.Input((None, None, 3), name="image")
    if (mean, variance) != ([0.0] * 3, [1.0] * 3):
        x = keras.layers.Normalization(mean=mean, variance=variance, name="imagenet_mean")(x)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # MobileNet warns about images of any size
            model = build(include_top=False, weights=str(source), input_tensor=x)
    except DAMAGE as error:
        message = f"{source.name} does not hold {application}'s weights without top: "
        raise InputError(message + extractor.first_line(error)) from None
    if swaps:
        _swap_channels(model)
    if module.__name__.endswith(".efficientnet"):
        _square_variance(model)
    return keras.Model(images, model.outputs[0], name=model.name)


def _preprocessing(preprocess) -> tuple[Statistics, bool]:
    """Measures what a `preprocess_input` does.

    All of Keras' are linear per channel; some turn RGB into BGR first.

    Returns:
        Mean and variance, per channel of RGB, by which a Normalization layer does the same; and whether it
        turns RGB to BGR.
    """
    zero, *units = preprocess(np.concatenate([np.zeros((1, 3)), np.eye(3)])[:, None, None, :])[:, 0, 0]
    slopes = np.array(units) - zero  # a row per channel received, a column per channel returned
    swaps = bool(slopes[0, 2])
    offset = zero[::-1] if swaps else zero
    slope = slopes.max(axis=1)
    return (np.round(-offset / slope, 6).tolist(), np.round(slope**-2, 6).tolist()), swaps


def _swap_channels(model: keras.Model) -> None:
    """Turns the kernels of the first convolution from BGR to RGB, which is the same as turning the images."""
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    kernel, *rest = first.get_weights()
    first.set_weights([kernel[:, :, ::-1, :], *rest])


def _square_variance(model: keras.Model) -> None:
    """Divides by EfficientNet's deviation twice, as Keras does only where it downloads the weights itself."""
    layer = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    mean, variance, *rest = layer.get_weights()
    layer.set_weights([mean, variance**2, *rest])
    layer.finalize_state()
