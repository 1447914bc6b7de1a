"""Where a network looks: Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391)."""

from typing import Any

import keras
import numpy as np

from stages.backbones.extractor import output_of
from stages.classifiers import ensemble
from stages.classifiers.trained import Classifier
from stages.networks import views
from stages.runtime.errors import InputError

THINNING = (keras.layers.Dropout, keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)


def heatmaps(classifier: Classifier, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Returns how much each place of the last convolution supports a class, float32[n, height, width].

    The gradient is of the class's log-probability, which also exists where a network has no logits.

    Args:
        classifier: the network; views and ensembles are not averaged here, but looked at once.
        images: uint8[n, height, width, 3], scaled to the network's size if they have another.
        classes: int64[n], the class to explain for each image.

    Returns:
        In [0, 1], of the size of the convolution's maps; 1 is the image's strongest place.

    Raises:
        InputError: Keras does not run on TensorFlow, or the network has no maps.
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError("Grad-CAM needs TensorFlow; unset KERAS_BACKEND")
    import tensorflow as tf

    model = views.inner(ensemble.members(views.inner(classifier.model))[0])
    maps = [tensor for layer in model.layers if _is_map(layer, tensor := output_of(model, layer.name))]
    if not maps:
        raise InputError(f"{model.name} has no maps to look at, as it has no convolution")
    both = keras.Model(model.inputs[0], [maps[-1], model.outputs[0]])
    inputs = tf.image.resize(tf.constant(images, tf.float32), (classifier.size, classifier.size))
    with tf.GradientTape() as tape:
        tape.watch(inputs)  # otherwise a frozen network has no gradients
        found, probabilities = both(inputs)
        scores = tf.math.log(tf.gather(probabilities, classes, batch_dims=1) + keras.config.epsilon())
    weights = tf.reduce_mean(tape.gradient(scores, found), axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * found, axis=-1)).numpy()
    return heat / np.maximum(heat.max(axis=(1, 2), keepdims=True), keras.config.epsilon())


def _is_map(layer: keras.layers.Layer, output: Any) -> bool:
    shape = getattr(output, "shape", ())
    return len(shape) == 4 and shape[-1] != 3 and not isinstance(layer, THINNING)
