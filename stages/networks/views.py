"""Several views of an image, mirrored or shifted a little, and the mean of a network's outputs for them."""

from collections.abc import Sequence
from typing import Any

import keras

from stages.networks.operations import named
from stages.runtime.errors import InputError

View = tuple[bool, int, int]  # mirrored, pixels down, pixels right
PLAIN: View = (False, 0, 0)
_PREFIX = "views_of_"  # start of the name of a model that holds another and averages over views


def views(*, mirror: bool = False, shift: int = 0) -> list[View]:
    """Returns the views: the image, shifted in four directions, and all of them mirrored.

    Args:
        mirror: whether there are mirrored ones.
        shift: pixels; 0 for no shifted ones.
    """
    shifts = [(0, 0), *([(shift, 0), (-shift, 0), (0, shift), (0, -shift)] if shift else [])]
    return [(mirrored, *place) for mirrored in ((False, True) if mirror else (False,)) for place in shifts]


def seen(images: Any, view: View) -> Any:
    """Returns a view of images, of their size: first mirrored, then shifted, with borders by reflection.

    Args:
        images: [n, height, width, channels], tensors or their placeholders while a model is built.
        view: one of `views`.
    """
    mirrored, down, right = view
    if mirrored:
        images = keras.ops.flip(images, axis=2)
    if (down, right) == (0, 0):
        return images
    border = [[max(down, 0), max(-down, 0)], [max(right, 0), max(-right, 0)]]
    wide = keras.ops.pad(images, [[0, 0], *border, [0, 0]], mode="reflect")
    return keras.layers.Cropping2D([side[::-1] for side in border], dtype=images.dtype)(wide)


def averaged(model: keras.Model, views: Sequence[View]) -> keras.Model:
    """Returns a plain Keras model that averages the outputs of another for several views of an image.

    It holds the other as one layer, so that both are saved. With only the plain view it is the other.

    Args:
        model: from images float32[n, height, width, 3] to probabilities float32[n, k].
        views: of each image.

    Raises:
        InputError: images are too small for the shift.
    """
    if list(views) == [PLAIN]:
        return model
    like = model.inputs[0]
    check(like.shape[1:3], views)
    images = keras.Input(batch_shape=like.shape, dtype=like.dtype, name=like.name)
    looks = [named(seen(images, view), f"view{number}", images) for number, view in enumerate(views)]
    outputs = [model(look) for look in looks]
    # in float32 whatever precision the rest has, as probabilities are
    mean = keras.layers.Average(dtype="float32", name="mean_of_views")(outputs)
    return keras.Model(images, mean, name=_PREFIX + model.name)


def inner(model: keras.Model) -> keras.Model:
    """Returns the model that `averaged` was given; the model itself where it averages nothing."""
    if not model.name.startswith(_PREFIX):
        return model
    return next(layer for layer in model.layers if isinstance(layer, keras.Model))


def check(size: tuple[int | None, ...], views: Sequence[View]) -> None:
    """Refuses shifts by reflection that need more of an image than there is.

    Args:
        size: height and width in pixels, None if they may be any.
        views: of each image.

    Raises:
        InputError: a shift is as large as the image, or larger.
    """
    largest = max(max(abs(down), abs(right)) for _, down, right in views)
    if any(side is not None and side <= largest for side in size):
        raise InputError(
            f"views: received a shift of {largest} pixels on images of {' x '.join(map(str, size))}, expected"
            " fewer pixels than an image has; lower `shift`"
        )
