"""A classifier as an ONNX file, by Keras' own export."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import tf2onnx  # noqa: F401  (Keras' export uses it)

from stages.backbones.extractor import every_layer
from stages.classifiers.trained import Classifier


def write(classifier: Classifier, path: Path, about: Mapping[str, str]) -> None:
    """Writes a classifier, which must have been called; `about` and its class names become metadata."""
    for layer in every_layer(classifier.model):
        if isinstance(layer, keras.layers.Normalization):  # otherwise its tensors become inputs of the file
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)
    signature = [keras.InputSpec(dtype="float32", shape=(None, classifier.size, classifier.size, 3))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Keras 3.15 asks NumPy for np.object
        classifier.model.export(path, format="onnx", verbose=False, input_signature=signature)
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {**about, "class_names": json.dumps(classifier.class_names)})
    onnx.save(model, path)


def probabilities(path: Path, images: np.ndarray) -> np.ndarray:
    """Returns what ONNX Runtime computes on the CPU, float32[n, k], for images uint8[n, size, size, 3]."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    return session.run(None, {taken.name: images.astype(np.float32)})[0]
