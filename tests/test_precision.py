"""The same network in another precision."""

import keras
import numpy as np
import pytest

from stages.backbones import precision

pytestmark = pytest.mark.usefixtures("keras_configured")


def network(policy):
    inputs = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(4, 3, dtype=policy, name="conv")(inputs)
    x = keras.ops.sqrt(keras.ops.absolute(keras.layers.GlobalAveragePooling2D(dtype=policy, name="pool")(x)))
    x = keras.layers.Dense(3, dtype=policy, name="head_logits")(x)
    return keras.Model(inputs, keras.layers.Activation("softmax", dtype="float32", name="probabilities")(x))


def precisions(model):
    return {layer.name: layer.dtype_policy.name for layer in model.layers if layer.weights}


@pytest.mark.parametrize(("before", "after"), [("float32", "mixed_bfloat16"), ("mixed_bfloat16", "float32")])
def test_a_copy_computes_nearly_the_same_with_the_same_weights(before, after):
    model = network(before)
    copy = precision.under(model, after)
    assert precisions(copy) == dict.fromkeys(("conv", "head_logits"), after)
    assert precisions(model) == dict.fromkeys(("conv", "head_logits"), before)
    assert all(map(np.array_equal, copy.get_weights(), model.get_weights()))
    images = np.random.default_rng(0).random((5, 8, 8, 3)).astype(np.float32)
    assert np.allclose(model.predict_on_batch(images), copy.predict_on_batch(images), atol=2e-2)


def test_layers_that_are_spared_stay_and_a_model_that_needs_nothing_is_the_same():
    model = network("float32")
    copy = precision.under(model, "mixed_bfloat16", lambda name: name.startswith("head_"))
    assert precisions(copy) == {"conv": "mixed_bfloat16", "head_logits": "float32"}
    assert precision.under(model, "float32") is model
