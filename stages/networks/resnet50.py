"""ResNet50 without its classifier, as one model from raw pictures to feature maps (He et al. 2015)."""

import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np

from stages.errors import DAMAGE, InputError

IMAGENET_MEAN_RGB = (123.68, 116.779, 103.939)  # of keras.applications' "caffe" preprocessing
# What a .keras file may hold.
_MAX_BYTES = {"metadata.json": 1 << 20, "config.json": 64 << 20, "model.weights.h5": 4 << 30}


def from_imagenet_weights(weights: Path) -> keras.Model:
    """Builds Keras' ResNet50 from its official weights, with `preprocess_input` inside.

    That preprocessing turns RGB to BGR and subtracts ImageNet's means. Here the first convolution's
    kernels are turned instead of the pictures, which is the same computation.

    Args:
        weights: `resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5`.

    Returns:
        A model from RGB in [0, 255], float32[n, height, width, 3], to maps float32[n, h, w, 2048].

    Raises:
        InputError: the file does not hold these weights.
    """
    images = keras.Input((None, None, 3), name="image")
    centred = keras.layers.Normalization(mean=IMAGENET_MEAN_RGB, variance=[1.0] * 3, name="imagenet_mean")
    try:
        model = keras.applications.ResNet50(
            include_top=False, weights=str(weights), input_tensor=centred(images)
        )
    except DAMAGE as error:
        raise InputError(
            f"{weights.name} does not hold ResNet50's weights without top: {_first_line(error)}"
        ) from None
    first = model.get_layer("conv1_conv")
    kernel, bias = first.get_weights()
    first.set_weights([kernel[:, :, ::-1, :], bias])
    return model


def from_model_file(path: Path) -> keras.Model:
    """Loads a .keras backbone in safe mode.

    Raises:
        InputError: the file is no Keras model, or one that needs code of its own.
    """
    try:
        _check_members(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # such as that layers keep random weights
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (*DAMAGE, UserWarning) as error:
        raise InputError(f"{path.name} is not a Keras model: {_first_line(error)}") from None
    if not isinstance(model, keras.Model):
        raise InputError(f"{path.name} holds a {type(model).__name__}, expected a Keras model")
    return model


def _check_members(path: Path) -> None:
    """Refuses files that no backbone needs, and sizes that none has, before anything is unpacked."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > _MAX_BYTES.get(member.filename, -1):
                raise ValueError(f"it holds {member.filename[:100]!r} of {member.file_size} bytes")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def check(model: keras.Model, image_size: int) -> tuple[int, ...]:
    """Checks that a backbone takes raw RGB pictures and returns finite feature maps.

    Returns:
        The shape of one feature map: (height, width, channels).

    Raises:
        InputError: it does not take such pictures, or returns something else.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        received = f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
        raise InputError(f"the backbone has {received}, expected one of each")
    pictures = np.random.default_rng(0).integers(0, 256, (2, image_size, image_size, 3)).astype(np.float32)
    try:
        maps = np.asarray(model.predict_on_batch(pictures))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"the backbone refuses RGB pictures of {image_size}x{image_size}: {str(error).splitlines()[0]}"
        ) from None
    if maps.ndim != 4 or len(maps) != 2:
        raise InputError(f"the backbone returns shape {maps.shape}, expected (n, height, width, channels)")
    if not np.isfinite(maps).all():
        raise InputError("the backbone returns numbers that are not finite for pictures in [0, 255]")
    if np.array_equal(*maps):
        raise InputError(
            "the backbone returns the same maps for different pictures; it has to take raw RGB in [0, 255]"
        )
    return maps.shape[1:]
