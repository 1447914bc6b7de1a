"""The layers of a saved model as a table, like the report's: read from the .keras file, without Keras."""

import json
import math
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

MOST_LAYERS = 60  # longer models are shown from the layer on that ends their backbone
POOLED = "pooled_features"  # the layer or operations that pool a backbone's maps, whatever they do
KINDS = {"Conv2D", "Dense", "BatchNormalization"}  # whose parameters follow from their shapes
COLUMNS = ("layer", "kind", "kernel", "size_in", "size_out", "channels_in", "channels_out", "parameters")


def table(model: Path) -> pd.DataFrame:
    """Returns a row per layer after the input, in the model's order.

    Args:
        model: a .keras file of one functional model, or of one that averages over views of its images and
            holds the network as a layer.

    Returns:
        Columns as in COLUMNS. `layer` is its name, `kind` its class, or what it activates with; sizes are the
        height of a map or the width of a vector; only maps have channels. `parameters` is empty for kinds we
        do not count. A backbone in front of the head is one row of kind Backbone.
    """
    with zipfile.ZipFile(model) as file:
        layers = json.loads(file.read("config.json"))["config"]["layers"]
    inner = [layer for layer in layers if layer["class_name"] == "Functional"]
    layers = inner[0]["config"]["layers"] if inner else layers
    outputs = _output_shapes(layers)
    rows = [_row(layer, outputs) for layer in _joined(layers) if layer["class_name"] != "InputLayer"]
    return pd.DataFrame(_without_backbone(rows), columns=COLUMNS, dtype=object)


def _joined(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the layers, the operations that make one step (`operations.named`) joined under its name."""
    names = {layer["name"] for layer in layers}
    joined: dict[str, dict[str, Any]] = {}
    for layer in layers:
        name, whole = layer["name"], re.sub(r"_\d+$", "", layer["name"])
        if ".ops." in layer["module"] and whole in names:
            kind = whole.removeprefix("head_").replace("_", " ").capitalize()
            first = joined.get(whole, layer)
            joined[whole] = {**first, "name": whole, "class_name": kind, "config": {}}
        else:
            joined[name] = layer
    return list(joined.values())


def _output_shapes(layers: list[dict[str, Any]]) -> dict[str, list[int | None]]:
    """Returns the output shape of each layer, as the next ones state it; the last has that of its input."""
    shapes: dict[str, list[int | None]] = {}
    for layer in layers:
        for tensor in _inputs(layer):
            shapes[tensor["keras_history"][0]] = tensor["shape"][1:]
    last = layers[-1]
    if last["name"] not in shapes:
        inputs = _inputs(last)[0]["shape"][1:]
        shapes[last["name"]] = [*inputs[:-1], last["config"].get("units", inputs[-1])]
    return shapes


def _inputs(layer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the tensors that a layer takes, as config.json describes them."""
    found: list[dict[str, Any]] = []
    waiting = [node["args"] for node in layer["inbound_nodes"]]
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            found.append(value["config"])
    return found


def _row(layer: Mapping[str, Any], outputs: Mapping[str, list[int | None]]) -> tuple[Any, ...]:
    config, kind = layer["config"], layer["class_name"]
    before, after = _inputs(layer)[0]["shape"][1:], outputs[layer["name"]]
    kernel = config.get("kernel_size", config.get("pool_size"))
    is_activation = kind == "Activation" and isinstance(config["activation"], str)
    return (
        layer["name"],
        config["activation"] if is_activation else kind,
        kernel[0] if isinstance(kernel, list) else kernel,
        before[0] if before else None,  # a number per image, such as a trace, has no size
        after[0] if after else None,
        before[-1] if len(before) > 1 else None,
        after[-1] if len(after) > 1 else None,
        _parameters(kind, config, before, after, kernel),
    )


def _parameters(
    kind: str, config: Mapping[str, Any], before: list[int], after: list[int], kernel: Any
) -> int | None:
    """Returns how many weights a layer has, including those of batch normalisation that do not train."""
    if kind not in KINDS:
        return None
    if kind == "BatchNormalization":
        return after[-1] * (2 + bool(config["scale"]) + bool(config["center"]))
    inputs = before[-1] * (math.prod(kernel) if kind == "Conv2D" else 1)
    return (inputs + bool(config["use_bias"])) * after[-1]


def _without_backbone(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Returns the rows with those in front of the head, of a long model, summed up in one."""
    if len(rows) <= MOST_LAYERS:
        return rows
    ends = [place for place, row in enumerate(rows) if row[1].startswith("Global") or row[0] == POOLED]
    end = max(ends, default=len(rows) - 1)
    parameters = sum(row[-1] or 0 for row in rows[:end])
    return [(f"{end} layers", "Backbone", None, None, None, 3, rows[end][5], parameters), *rows[end:]]
