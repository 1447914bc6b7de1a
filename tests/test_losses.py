"""Losses by hand, and where small probabilities come out of a softmax."""

import keras
import numpy as np
import pytest

from stages.losses import cross_entropy, squared_error
from stages.runtime.modules import find, offered

pytestmark = pytest.mark.usefixtures("keras_configured")

TARGETS = np.float32([[1, 0, 0, 0], [0, 0.25, 0.75, 0]])
OUTPUTS = np.float32([[0.5, 0.25, 0.125, 0.125], [0.125, 0.5, 0.25, 0.125]])


def test_the_cross_entropy_of_hard_and_of_mixed_targets():
    # -ln 1/2; -(ln 1/2 + 3 ln 1/4) / 4 = 7/4 ln 2
    expected = np.log(2) * np.array([1, 7 / 4])
    assert np.allclose(cross_entropy.loss(TARGETS, OUTPUTS), expected, rtol=1e-6)


def test_label_smoothing_spreads_a_share_of_each_target_over_all_classes():
    # half of each target stays; of the other half each of 4 classes gets 1/8, and -ln of all outputs is 9 and
    # 9 times ln 2: 1 + 2 + 3 + 3 and 3 + 1 + 2 + 3
    expected = np.log(2) * (np.array([1, 7 / 4]) / 2 + 9 / 8)
    assert np.allclose(cross_entropy.loss(TARGETS, OUTPUTS, label_smoothing=0.5), expected, rtol=1e-6)


def test_the_squared_error_adds_up_all_classes():
    # 1/4 + 1/16 + 1/64 + 1/64; 1/64 + 1/16 + 1/4 + 1/64
    assert np.asarray(squared_error.loss(TARGETS, OUTPUTS)).tolist() == [11 / 32, 11 / 32]
    sure = np.float32([[1, 0, 0, 0], [1, 0, 0, 0]])
    assert np.asarray(squared_error.loss(np.eye(4, dtype=np.float32)[:2], sure)).tolist() == [0, 2]


@pytest.mark.parametrize("name", offered("losses", "loss"))
def test_each_loss_is_one_number_a_row_and_least_where_outputs_are_the_targets(name):
    loss = find("losses", name).loss
    soft = np.float32([[0.125, 0.25, 0.5, 0.125], [0.25, 0.25, 0.25, 0.25]])
    best, found = np.asarray(loss(soft, soft)), np.asarray(loss(soft, OUTPUTS))
    assert (found.shape, found.dtype) == ((2,), np.float32)
    assert (best < found).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_probability_of_0_out_of_a_softmax_still_has_loss_and_gradient(smoothing):
    """exp(-1000) is 0 in float32; clipped at 1e-7 the loss would be 16 and its gradient 0."""
    import tensorflow as tf

    logits = keras.Input((2,))
    model = keras.Model(logits, keras.layers.Activation("softmax")(logits))
    targets = tf.constant([[0.0, 1.0]])

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = cross_entropy.loss(targets, model(x, training=True), label_smoothing=smoothing)
        return loss, tape.gradient(loss, x)

    for compute in (gradient, tf.function(gradient)):
        loss, slope = compute(tf.constant([[1000.0, 0.0]]))
        assert np.allclose(loss, [1000 * (1 - smoothing / 2)])
        assert np.allclose(slope, [[1 - smoothing / 2, smoothing / 2 - 1]])
