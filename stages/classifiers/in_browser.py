"""Small networks as data that a page computes by itself, so that one can try them on an image."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from stages.classifiers import trained
from stages.classifiers.trained import Classifier

MOST = 500_000  # weights of a network: 2 MB
PAGE = Path(__file__).with_name("in_browser.html")
Known = tuple[list[dict[str, Any]], list[np.ndarray]]  # layers as the script calls them, their weights


def section(variants: Iterable[str], models: Path, data: Path) -> str:
    """Returns HTML with a script that classifies an image by the variants it can compute; "" without any.

    Args:
        variants: names; of those that have been trained, the first seed answers.
        models: holds a folder per variant.
        data: holds the features.
    """
    names = [name for name in variants if name in trained.names(models)]
    found = {name: described(trained.load(name, models=models, data=data)) for name in names}
    networks = {name: network for name, network in found.items() if network}
    text = json.dumps(networks, ensure_ascii=False).replace("<", "\\u003c")
    return PAGE.read_text(encoding="utf-8").replace("NETWORKS", text) if networks else ""


def described(classifier: Classifier) -> dict[str, Any] | None:
    """Returns layers, weights and classes of a network; None if it is too large or not that simple."""
    model = classifier.model
    if model.count_params() > MOST or classifier.resize == "pad":
        return None
    layers, weights, before = [], [], model.layers[0].output
    for layer in model.layers[1:]:
        known = _known(layer) if layer.input is before else None
        if known is None:
            return None
        layers, weights, before = layers + known[0], weights + known[1], layer.output
    flat = np.concatenate([np.ravel(array) for array in weights]).astype("<f4")
    return {
        "layers": layers,
        "weights": base64.b64encode(flat.tobytes()).decode(),
        "classes": list(classifier.class_names),
        "size": classifier.size,
        "resize": classifier.resize,
    }


def _known(layer: keras.Layer) -> Known | None:
    """Returns what the script makes of a layer; None for one that it does not know."""
    kind, config = type(layer).__name__, layer.get_config()
    arrays = [np.asarray(keras.ops.convert_to_numpy(weight), np.float64) for weight in layer.weights]
    if kind in ("Flatten", "Dropout"):  # the script keeps numbers in one row
        return [], []
    if kind == "Activation" and config["activation"] in ("relu", "softmax"):
        return [{"kind": config["activation"]}], []
    if kind == "Rescaling":
        return _affine(np.array([config["scale"]]), np.array([config["offset"]]))
    if kind == "Normalization" and config["mean"]:
        factor = 1 / np.sqrt(np.ravel(config["variance"]))
        return _affine(factor, -np.ravel(config["mean"]) * factor)
    if kind == "BatchNormalization" and config["center"] and config["scale"]:
        gamma, beta, mean, variance = arrays
        factor = gamma / np.sqrt(variance + config["epsilon"])
        return _affine(factor, beta - mean * factor)
    if kind == "MaxPooling2D" and config["padding"] == "valid" and config["strides"] == config["pool_size"]:
        return [{"kind": "pool", "size": config["pool_size"][0]}], []
    is_plain = config.get("activation") == "linear" and config.get("use_bias")
    if kind == "Dense" and is_plain:
        return [{"kind": "dense", "out": config["units"]}], arrays
    if kind == "Conv2D" and is_plain and config["strides"] == (1, 1) and config["padding"] == "valid":
        return [{"kind": "conv", "size": config["kernel_size"][0], "out": config["filters"]}], arrays
    return None


def _affine(factor: np.ndarray, offset: np.ndarray) -> Known:
    return [{"kind": "affine", "n": len(factor)}], [factor, offset]
