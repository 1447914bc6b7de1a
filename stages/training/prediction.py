"""A network's probabilities on a split."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from stages.datasets.prepared import Dataset
from stages.runtime.memory import PREDICTED_AT_ONCE

# Takes any real [n, ...], returns probabilities float32[n, k].
Predict = Callable[[np.ndarray], np.ndarray]


def predictor(model: keras.Model) -> Predict:
    """Returns a function from a batch, any real [n, ...], to a model's outputs, float32[n, ...]."""
    if keras.backend.backend() != "tensorflow":
        return lambda inputs: np.asarray(model.predict_on_batch(inputs.astype(np.float32)), np.float32)
    import tensorflow as tf

    # One graph for all batch sizes: building another takes as long as many batches.
    @tf.function(input_signature=[tf.TensorSpec(model.inputs[0].shape, tf.float32)], jit_compile=False)
    def predict(inputs: Any) -> Any:
        return model(inputs, training=False)

    return lambda inputs: predict(inputs.astype(np.float32)).numpy().astype(np.float32)


def probabilities(predict: Predict, data: Dataset, split: str, *, has_views: bool = False) -> np.ndarray:
    """Returns probabilities on a split in stored order, float32[n, number of classes].

    Args:
        predict: as `predictor` returns it.
        data: the dataset.
        split: train, validation or test.
        has_views: whether the inputs are [n, views, ...]: probabilities are then averaged over the views.
    """
    rows = data.rows(split)
    results = []
    for start in range(0, len(rows), PREDICTED_AT_ONCE):
        batch = data.inputs[rows[start : start + PREDICTED_AT_ONCE]]
        views = range(batch.shape[1]) if has_views else ()
        looks = [batch[:, view] for view in views] or [batch]
        results.append(np.mean([predict(look) for look in looks], axis=0))
    return np.concatenate(results)


def loss_and_accuracy(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Returns the cross-entropy, clipped as by Keras, and the accuracy.

    Args:
        probabilities: float32[n, k].
        labels: int64[n] in [0, k).
    """
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return {
        "loss": float(-np.log(np.clip(true, 1e-7, 1 - 1e-7)).mean()),
        "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
    }
