"""Steps on features: what they compute, that they can be trained through and saved with the head."""

import keras
import numpy as np
import pytest

from stages.feature_steps import l2_norm, square_root, standardise
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")


def model(*steps, features=None, channels=2):
    x = inputs = keras.Input((channels,), name="pooled_features")
    for step in steps:
        x = step.add(x, features)
    return keras.Model(inputs, x, name="steps")


def output(steps, rows):
    return keras.ops.convert_to_numpy(steps(np.array(rows, np.float32), training=False))


def test_the_square_root_keeps_the_sign_and_zero():
    found = output(model(square_root), [[4.0, -9.0], [0.0, 0.25]])
    assert np.allclose(found, [[2.0, -3.0], [0.0, 0.5]], atol=2e-3)
    assert found[1, 0] == 0


def test_gradients_through_the_square_root_are_finite_at_zero():
    import tensorflow as tf

    x = tf.zeros((1, 2))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(square_root)(x)
    assert np.isfinite(tape.gradient(y, x).numpy()).all()


def test_the_l2_norm_makes_each_row_one_long_but_zeros():
    assert np.allclose(output(model(l2_norm), [[3.0, 4.0], [0.0, 0.0]]), [[0.6, 0.8], [0.0, 0.0]])


def test_features_are_standardised_by_the_statistics_of_the_training_features():
    training = np.array([[1.0, 7.0], [5.0, 7.0]], np.float32)  # means 3 and 7, deviations 2 and 0
    found = output(model(standardise, features=training), [[1.0, 7.0], [7.0, 9.0]])
    assert np.allclose(found, [[-1.0, 0.0], [2.0, 2.0]])


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_all_of_them_in_a_row_are_saved_as_plain_keras_layers_in_single_precision(tmp_path, precision):
    training = np.random.default_rng(0).uniform(0, 9, (50, 2)).astype(np.float32)
    keras.config.set_dtype_policy(precision)
    try:
        whole = model(square_root, l2_norm, standardise, features=training)
        again = model(square_root, l2_norm, standardise, features=training)
    finally:
        keras.config.set_dtype_policy("float32")
    save_model(whole, tmp_path / "a.keras")
    save_model(again, tmp_path / "b.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    loaded = keras.saving.load_model(tmp_path / "a.keras", safe_mode=True)
    root = np.sqrt(training)
    unit = root / np.linalg.norm(root, axis=1, keepdims=True)
    expected = (unit - training.mean(axis=0)) / training.std(axis=0)
    assert np.allclose(output(loaded, training), expected, atol=2e-3)
    assert np.array_equal(output(loaded, training), output(whole, training))
