"""How the steps of a chunk are computed.

On TensorFlow several steps run per call inside one graph, augmentation included: for small networks the
calls from Python cost more than the arithmetic. The other backends use Keras' own step, one at a time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from stages.runtime.modules import find
from stages.training import fused_batch_norm
from stages.training.objective import plain_cross_entropy
from stages.training.plan import Chunk

# Takes a chunk, the learning rate and the average's decay of each of its steps; returns plain cross-entropy
# and accuracy of each, float64[k, 2].
StepFunction = Callable[[Chunk, np.ndarray, np.ndarray], np.ndarray]
# Takes inputs, soft targets and the draws of each augmentation by name; returns inputs and targets.
Augment = Callable[[Any, Any, dict[str, Any]], tuple[Any, Any]]


@dataclass(frozen=True)
class Update:
    """What a step does to the weights beyond the optimizer's own.

    Attributes:
        average: (moving average, weight) of each weight that is averaged.
        multipliers: (weight, factor) of each weight whose learning rate has a factor.
        sets_rate: whether each step's learning rate is set; otherwise it is the optimizer's own.
    """

    average: Sequence[tuple[Any, Any]] = field(default_factory=list)
    multipliers: Sequence[tuple[Any, float]] = field(default_factory=list)
    sets_rate: bool = False

    def scale(self, before: Sequence[Any]) -> None:
        """Scales the steps of weights that have a factor: an optimizer's step is proportional to its rate.

        Args:
            before: copies of their values before the step.
        """
        for (weight, factor), old in zip(self.multipliers, before, strict=True):
            weight.assign(old + factor * (weight - old))

    def move_averages(self, decay: Any) -> None:
        """Moves each average towards its weight."""
        for moving, weight in self.average:
            moving.assign(moving + (1 - decay) * (keras.ops.cast(weight, "float32") - moving))


def step_function(
    model: keras.Model, *, example: np.ndarray, augmentation: Sequence[tuple[str, Any]], update: Update
) -> StepFunction:
    """Returns a function that computes a chunk of training steps, which change the model.

    Args:
        model: compiled by `session.prepare`, from inputs to probabilities.
        example: an input, of the dtype and shape of all; the model may take images of any size.
        augmentation: (name, amount) in the order in which they are applied.
        update: what a step does besides.
    """
    augment = _composed(augmentation)
    if keras.backend.backend() == "tensorflow":
        fused_batch_norm.use(model)
        return _graph(model, example, [name for name, _ in augmentation], augment, update)
    return _plain(model, augment, update)


def _composed(augmentation: Sequence[tuple[str, Any]]) -> Augment:
    """Returns a function that applies several augmentations, one after another."""
    modules = [(name, find("augmentation", name), amount) for name, amount in augmentation]

    def augment(inputs: Any, targets: Any, draws: dict[str, Any]) -> tuple[Any, Any]:
        for name, module, amount in modules:
            inputs, targets = module.apply(inputs, targets, draws[name], amount=amount)
        return inputs, targets

    return augment


def _graph(
    model: keras.Model, example: np.ndarray, names: Sequence[str], augment: Augment, update: Update
) -> StepFunction:
    """Computes all steps of a chunk in one call of a TensorFlow graph."""
    import tensorflow as tf

    n_classes = model.outputs[0].shape[-1]

    def step(inputs: Any, labels: Any, draws: dict[str, Any], rate: Any, decay: Any) -> Any:
        inputs, targets = augment(tf.cast(inputs, tf.float32), tf.one_hot(labels, n_classes), draws)
        with tf.GradientTape() as tape:
            outputs = model(inputs, training=True)
            loss = model.compute_loss(y=targets, y_pred=outputs)
            scaled = model.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, model.trainable_weights)
        if update.sets_rate:
            model.optimizer.learning_rate.assign(rate)
        before = [tf.identity(weight) for weight, _ in update.multipliers]
        model.optimizer.apply_gradients(zip(gradients, model.trainable_weights, strict=True))
        update.scale(before)
        update.move_averages(decay)
        plain = tf.reduce_mean(plain_cross_entropy(targets, tf.cast(outputs, tf.float32)))
        is_right = tf.argmax(outputs, axis=-1) == tf.argmax(targets, axis=-1)
        return tf.stack([plain, tf.reduce_mean(tf.cast(is_right, tf.float32))])

    per_step = tf.TensorSpec([None], tf.float32)
    signature = [
        tf.TensorSpec([None, None, *example.shape], tf.as_dtype(example.dtype)),
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


def _plain(model: keras.Model, augment: Augment, update: Update) -> StepFunction:
    """Computes the steps of a chunk by Keras' own `train_on_batch`."""
    n_classes = model.outputs[0].shape[-1]

    def run_step(inputs: np.ndarray, labels: np.ndarray, draws: dict[str, Any]) -> list[float]:
        x = keras.ops.convert_to_tensor(inputs.astype(np.float32))
        augmented = augment(x, keras.ops.one_hot(labels, n_classes, dtype="float32"), draws)
        logs = model.train_on_batch(*map(keras.ops.convert_to_numpy, augmented), return_dict=True)
        return [float(logs["plain_cross_entropy"]), float(logs["accuracy"])]

    def run_chunk(chunk: Chunk, rates: np.ndarray, decays: np.ndarray) -> np.ndarray:
        results = []
        for i in range(len(chunk.inputs)):
            if update.sets_rate:
                model.optimizer.learning_rate.assign(rates[i])
            # copies, as JAX reuses the memory of the weights
            before = [
                keras.ops.convert_to_tensor(np.array(keras.ops.convert_to_numpy(weight)))
                for weight, _ in update.multipliers
            ]
            drawn = {name: keras.ops.convert_to_tensor(draw[i]) for name, draw in chunk.draws.items()}
            results.append(run_step(chunk.inputs[i], chunk.labels[i], drawn))
            update.scale(before)
            update.move_averages(decays[i])
        return np.array(results)

    return run_chunk
