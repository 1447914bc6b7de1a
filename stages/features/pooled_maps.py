"""What is used of a backbone: the map of a layer, or the maps of several, pooled and side by side."""

from collections.abc import Sequence
from typing import Any

import keras

from stages.backbones import extractor
from stages.runtime.modules import find

NAME = "pooled_features"  # of the operation that joins the pooled maps; those before it start with it
Pooling = str | dict[str, float]  # the name of a module of stages/pooling, or {name: its one knob}


def maps(backbone: keras.Model, layers: Sequence[str] = ()) -> list[Any]:
    """Returns the map of each layer, float[n, height, width, channels]; by default the backbone's output."""
    return [extractor.output_of(backbone, name) for name in layers] or [backbone.outputs[0]]


def pooled(
    backbone: keras.Model, layers: Sequence[str] = (), pooling: Sequence[Pooling] = ("average",)
) -> Any:
    """Returns the pooled maps, float[n, c]: the first layer by each pooling, then the next layer."""
    wanted = [(of_layer, way) for of_layer in maps(backbone, layers) for way in pooling]
    if len(wanted) == 1:
        return _pool(*wanted[0], NAME)
    parts = [_pool(*one, f"{NAME}_of{number}") for number, one in enumerate(wanted, start=1)]
    return keras.layers.Concatenate(dtype="float32", name=NAME)(parts)


def _pool(of_layer: Any, way: Pooling, name: str) -> Any:
    ((chosen, amount),) = way.items() if isinstance(way, dict) else [(way, None)]
    pool = find("pooling", chosen).pool
    return pool(of_layer, name, **{knob: amount for knob in pool.__kwdefaults__ or () if amount is not None})
