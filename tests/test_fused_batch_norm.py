"""Batch normalisation by TensorFlow's fused kernel: what Keras' own layer gives, and saved as such."""

import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf

from stages.training import checkpoints, fused_batch_norm
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")

IMAGES, FEATURES = (5, 4, 4, 3), (4, 3)


def layers(n, *, shape=IMAGES, policy="float32", seed=0, **knobs):
    """Equal models, each of one layer of batch normalisation, with weights that are not neutral."""
    built = []
    for _ in range(n):
        inputs = keras.Input(shape[1:], dtype="float32")
        layer = keras.layers.BatchNormalization(momentum=0.8, dtype=policy, name="bn", **knobs)
        built.append(keras.Model(inputs, layer(inputs)))
        rng = np.random.default_rng(seed)
        layer.set_weights([rng.uniform(0.5, 2, weight.shape) for weight in layer.weights])
    return built


def values(shape=IMAGES, seed=0):
    return np.random.default_rng(seed).normal(3, 2, shape).astype(np.float32)


def trained(model, x):
    """Outputs of a step of training, and the gradients of a loss by inputs and weights."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        outputs = model(x, training=True)
        loss = tf.reduce_sum(tf.sin(tf.cast(outputs, tf.float32)))
    gradients = tape.gradient(loss, [x, *model.trainable_weights])
    return [np.asarray(tf.cast(value, tf.float32)) for value in (outputs, *gradients)]


def weights(model):
    return checkpoints.state(model.weights)


@pytest.mark.parametrize("shape", [IMAGES, FEATURES, (1, 2, 2, 3)], ids=str)
def test_outputs_gradients_and_moving_statistics_are_those_of_keras(shape):
    own, fused = layers(2, shape=shape)
    fused_batch_norm.use(fused)
    assert "call" in vars(fused.get_layer("bn"))  # else this compares Keras with itself
    for seed in range(2):
        x = values(shape, seed)
        for found, expected in zip(trained(fused, x), trained(own, x), strict=True):
            assert np.allclose(found, expected, rtol=1e-5, atol=1e-5)
    for found, expected in zip(weights(fused), weights(own), strict=True):
        assert np.allclose(found, expected, rtol=1e-5, atol=1e-5)
    x = values(shape, 9)
    assert np.allclose(fused(x, training=False), own(x, training=False), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("is_late", [False, True])
def test_a_layer_frozen_before_or_later_uses_its_statistics_and_leaves_them(is_late):
    own, fused = layers(2)
    fused.get_layer("bn").trainable = is_late
    fused_batch_norm.use(fused)
    fused.get_layer("bn").trainable = False
    before, x = weights(fused), values()
    assert np.array_equal(fused(x, training=True), own(x, training=False))
    assert all(map(np.array_equal, before, weights(fused)))


@pytest.mark.parametrize("knobs", [{"axis": 1}, {"scale": False}, {"center": False}], ids=str)
def test_a_layer_that_the_kernel_cannot_compute_stays_keras_own(knobs):
    own, left = layers(2, **knobs)
    fused_batch_norm.use(left)
    x = values()
    for found, expected in zip(trained(left, x), trained(own, x), strict=True):
        assert np.array_equal(found, expected)


def test_layers_inside_of_nested_models_are_fused_too():
    (inner,) = layers(1)
    inputs = keras.Input(IMAGES[1:])
    fused_batch_norm.use(keras.Model(inputs, inner(inputs)))
    assert "call" in vars(inner.get_layer("bn"))


def test_half_precision_is_computed_in_float32_and_stays_finite():
    own, fused = layers(2, policy="mixed_bfloat16")
    fused_batch_norm.use(fused)
    x = values() * 1e3
    found, expected = trained(fused, x), trained(own, x)
    assert fused.outputs[0].dtype == "bfloat16"
    assert all(np.isfinite(value).all() for value in (*found, *weights(fused)))
    assert np.allclose(found[0], expected[0], atol=0.05)  # bfloat16 has three digits
    for first, second in zip(weights(fused), weights(own), strict=True):
        assert np.allclose(first, second, rtol=1e-2)


def test_the_saved_model_is_plain_keras(tmp_path):
    (model,) = layers(1)
    fused_batch_norm.use(model)
    x = values()
    model(x, training=True)
    save_model(model, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        config = json.loads(archive.read("config.json"))
    layer = config["config"]["layers"][1]
    assert (layer["module"], layer["class_name"]) == ("keras.layers", "BatchNormalization")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert "call" not in vars(loaded.layers[1])
    assert np.allclose(loaded(x, training=False), model(x, training=False), atol=1e-6)
