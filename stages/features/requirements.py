"""What a backbone must do to make the features that are wanted, checked before the first image is read."""

import difflib
from collections.abc import Sequence

import keras
import numpy as np

from stages.backbones import extractor
from stages.features import pooled_maps
from stages.networks import views
from stages.runtime.errors import InputError

UNLEARNT = (
    *(keras.layers.InputLayer, keras.layers.ZeroPadding2D),
    *(keras.layers.Normalization, keras.layers.Rescaling),
)
LARGEST = 2048  # pixels: larger sizes are not tried when looking for the least one that a backbone takes


def check(
    model: keras.Model,
    image_size: int,
    layers: Sequence[str] = (),
    looks: Sequence[views.View] = (views.PLAIN,),
) -> None:
    """Checks that a backbone takes raw RGB images and returns finite feature maps.

    Args:
        model: the backbone.
        image_size: height and width in pixels.
        layers: names of layers whose maps are used; [] is the backbone's output.
        looks: views of each image.

    Raises:
        InputError: it lacks a layer, does not take such images, or returns something other than maps.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        received = f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
        raise InputError(f"the backbone has {received}, expected one of each")
    views.check((image_size, image_size), looks)
    _check_size(model, image_size)
    _check_layers(model, image_size, layers)
    images = np.random.default_rng(0).integers(0, 256, (2, image_size, image_size, 3)).astype(np.float32)
    tensors = dict(zip(layers or ["its output"], pooled_maps.maps(model, layers), strict=True))
    try:
        found = keras.Model(model.inputs[0], tensors).predict_on_batch(images)
    except (ValueError, TypeError) as error:
        raise _refused(image_size, extractor.first_line(error)) from None
    for name, maps in found.items():
        _check_maps(name, np.asarray(maps, np.float32))


def _refused(image_size: int, reason: str) -> InputError:
    return InputError(f"the backbone does not take RGB images of {image_size}x{image_size}: {reason}")


def _check_size(model: keras.Model, image_size: int) -> None:
    wanted = model.inputs[0].shape[1:]
    if len(wanted) == 3 and wanted[2] == 3 and None not in wanted and wanted[0] == wanted[1] != image_size:
        raise InputError(
            f"the backbone takes only images of {wanted[0]}x{wanted[1]}, received image_size: {image_size};"
            f" set image_size: {wanted[0]} in the entry of `features`"
        )
    reason = _refusal(model, image_size)
    if reason is None:
        return
    least = next((size for size in _sizes(image_size) if _refusal(model, size) is None), None)
    if least is None:
        raise _refused(image_size, reason)
    while least > image_size + 1 and _refusal(model, least - 1) is None:
        least -= 1
    raise InputError(
        f"the backbone needs images of at least {least}x{least}, received image_size: {image_size};"
        " raise it in the entry of `features`"
    )


def _sizes(least: int) -> list[int]:
    """Returns growing sizes up to LARGEST, each a quarter larger than the one before."""
    sizes = [least + 1]
    while sizes[-1] < LARGEST:
        sizes.append(sizes[-1] * 5 // 4 + 1)
    return sizes


def _refusal(model: keras.Model, size: int) -> str | None:
    """Returns why a model cannot take images of a size, None if it can, without computing anything."""
    try:
        shape = model.compute_output_spec(keras.KerasTensor((1, size, size, 3), "float32")).shape
    except (ValueError, TypeError) as error:
        return extractor.first_line(error)
    return "it leaves no map" if 0 in shape else None


def _check_layers(model: keras.Model, image_size: int, layers: Sequence[str]) -> None:
    names = [operation.name for operation in model.operations]
    for name in layers:
        if name not in names:
            ends = _block_ends(model, image_size)
            close = [end for end in ends if end.startswith(name)] or difflib.get_close_matches(
                name, names, n=1
            )
            guess = f" Did you mean {close[0]!r}?" if close else ""
            raise InputError(
                f"layers: the backbone has no layer {name!r}, expected such as the ends of its blocks:"
                f" {', '.join(ends)}.{guess}"
            )


def _block_ends(model: keras.Model, image_size: int) -> list[str]:
    """Returns the last layer of each map size, in the model's order, that no path bypasses."""
    depths = {id(node): depth for depth, nodes in model._nodes_by_depth.items() for node in nodes}
    nodes = [node for depth in model._nodes_by_depth.values() for node in depth]
    steps = [(depths[id(parent)], depths[id(node)]) for node in nodes for parent in node.parent_nodes]
    tensors = {
        one.operation.name: one.output_tensors[0]
        for depth, (one, *others) in sorted(model._nodes_by_depth.items(), reverse=True)
        if not others and not any(first > depth > last for first, last in steps)
        if not isinstance(one.operation, UNLEARNT)
    }
    images = keras.KerasTensor((1, image_size, image_size, 3), "float32")
    found = keras.Model(model.inputs[0], tensors).compute_output_spec(images)
    maps = {name: found[name].shape[1:3] for name in tensors if len(found[name].shape) == 4}
    return list({size: name for name, size in maps.items()}.values())


def _check_maps(name: str, maps: np.ndarray) -> None:
    if maps.ndim != 4 or len(maps) != 2:
        raise InputError(
            f"the backbone returns shape {maps.shape} ({name}), expected feature maps: (n, height, width,"
            " channels); save it without its pooling and classifier (include_top=False)"
        )
    if not np.isfinite(maps).all():
        raise InputError(f"the backbone returns infinite values or NaN ({name}) for images in [0, 255]")
    if np.array_equal(*maps):
        raise InputError(
            f"the backbone returns equal maps for different images ({name}); it must take raw RGB in"
            " [0, 255], with its preprocessing inside the model"
        )
