"""How the steps of a chunk are computed.

On TensorFlow several steps run per call inside one graph, augmentation included: for small networks the
calls from Python cost more than the arithmetic. The other backends take Keras' own step, one at a time.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from stages.runtime.modules import find
from stages.training.plan import Chunk

# Takes a chunk, the learning rate and the average's decay of each of its steps; returns loss and accuracy
# of each, float64[k, 2].
Run = Callable[[Chunk, np.ndarray, np.ndarray], np.ndarray]
# Takes a batch of images and the draws of each augmentation by name.
Augment = Callable[[Any, dict[str, Any]], Any]


def runner(
    model: keras.Model,
    *,
    dtype: np.dtype,
    augmentation: Sequence[tuple[str, Any]],
    average: Sequence[tuple[Any, Any]],
    sets_rate: bool,
) -> Run:
    """Returns what computes a chunk of training steps and changes the model.

    Args:
        model: compiled, from inputs to probabilities.
        dtype: of a chunk's inputs.
        augmentation: (name, amount) in the order in which they are applied.
        average: (moving average, weight) of each weight that is averaged; empty for none.
        sets_rate: whether each step's learning rate is set; else it is the optimizer's own.
    """
    augment = _composed(augmentation)
    if keras.backend.backend() == "tensorflow":
        names = [name for name, _ in augmentation]
        return _graph(model, dtype, names, augment, average, sets_rate)
    return _plain(model, augment, average, sets_rate)


def predictor(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Returns what computes a model's outputs for a batch, float32[n, ...] from any real [n, ...]."""
    if keras.backend.backend() != "tensorflow":
        return lambda inputs: np.asarray(model.predict_on_batch(inputs.astype(np.float32)), np.float32)
    import tensorflow as tf

    # One graph for all batch sizes: each further one would cost as much as many batches.
    @tf.function(input_signature=[tf.TensorSpec(model.inputs[0].shape, tf.float32)], jit_compile=False)
    def predict(inputs: Any) -> Any:
        return model(inputs, training=False)

    return lambda inputs: predict(inputs.astype(np.float32)).numpy().astype(np.float32)


def _composed(augmentation: Sequence[tuple[str, Any]]) -> Augment:
    """Returns what applies several augmentations, one after another."""
    modules = [(name, find("augmentation", name), amount) for name, amount in augmentation]

    def augment(images: Any, draws: dict[str, Any]) -> Any:
        for name, module, amount in modules:
            images = module.apply(images, draws[name], amount=amount)
        return images

    return augment


def _graph(
    model: keras.Model,
    dtype: np.dtype,
    names: Sequence[str],
    augment: Augment,
    average: Sequence[tuple[Any, Any]],
    sets_rate: bool,
) -> Run:
    """Computes all steps of a chunk in one call of a TensorFlow graph."""
    import tensorflow as tf

    def step(images: Any, labels: Any, draws: dict[str, Any], rate: Any, decay: Any) -> Any:
        images = augment(tf.cast(images, tf.float32), draws)
        with tf.GradientTape() as tape:
            outputs = model(images, training=True)
            loss = model.compute_loss(y=labels, y_pred=outputs)
            scaled = model.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, model.trainable_weights)
        if sets_rate:
            model.optimizer.learning_rate.assign(rate)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
        for moving, weight in average:
            moving.assign(moving + (1 - decay) * (keras.ops.cast(weight, "float32") - moving))
        predicted = tf.argmax(outputs, axis=-1, output_type=labels.dtype)
        return tf.stack([tf.cast(loss, tf.float32), tf.reduce_mean(tf.cast(predicted == labels, tf.float32))])

    per_step = tf.TensorSpec([None], tf.float32)
    signature = [
        tf.TensorSpec([None, None, *model.inputs[0].shape[1:]], tf.as_dtype(dtype)),
        tf.TensorSpec([None, None], tf.int32),
        {name: tf.TensorSpec([None, None, None], tf.float32) for name in names},
        per_step,
        per_step,
    ]

    # One graph for all sizes of chunks, so that it does not depend on where a run resumes.
    @tf.function(input_signature=signature, jit_compile=False)
    def run(inputs: Any, labels: Any, draws: dict[str, Any], rates: Any, decays: Any) -> Any:
        n = tf.shape(inputs)[0]
        results = tf.TensorArray(tf.float32, n)
        for i in tf.range(n):
            drawn = {name: values[i] for name, values in draws.items()}
            results = results.write(i, step(inputs[i], labels[i], drawn, rates[i], decays[i]))
        return results.stack()

    def run_chunk(chunk: Chunk, rates: np.ndarray, decays: np.ndarray) -> np.ndarray:
        return run(chunk.inputs, chunk.labels, chunk.draws, rates, decays).numpy().astype(np.float64)

    return run_chunk


def _plain(
    model: keras.Model,
    augment: Augment,
    average: Sequence[tuple[Any, Any]],
    sets_rate: bool,
) -> Run:
    """Computes the steps of a chunk by Keras' own `train_on_batch`."""

    def run_step(inputs: np.ndarray, labels: np.ndarray, draws: dict[str, Any]) -> tuple[float, float]:
        images = keras.ops.convert_to_tensor(inputs.astype(np.float32))
        images = keras.ops.convert_to_numpy(augment(images, draws))
        logs = model.train_on_batch(images, labels, return_dict=True)
        return float(logs["loss"]), float(logs["accuracy"])

    def run_chunk(chunk: Chunk, rates: np.ndarray, decays: np.ndarray) -> np.ndarray:
        results = []
        for i in range(len(chunk.inputs)):
            if sets_rate:
                model.optimizer.learning_rate.assign(rates[i])
            drawn = {name: values[i] for name, values in chunk.draws.items()}
            results.append(run_step(chunk.inputs[i], chunk.labels[i], drawn))
            for moving, weight in average:
                moving.assign(moving + (1 - decays[i]) * (keras.ops.cast(weight, "float32") - moving))
        return np.array(results)

    return run_chunk
