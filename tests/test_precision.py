"""A network in float32 that was trained in a mixed precision: same weights, nothing left of the policy."""

import keras
import numpy as np
import pytest

from stages.backbones import precision
from stages.feature_steps import l2_norm, square_root
from stages.networks import deeper_net, residual_net, views
from stages.networks.layers import scale_pixels
from stages.pooling import gem

pytestmark = pytest.mark.usefixtures("keras_configured")

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3)).astype(np.float32)
KNOBS = {"n_classes": 3, "seed": 0}
STATISTICS = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.2, 0.2]}


def built(network, **knobs):
    images = keras.Input((20, 20, 3), name="image")
    return keras.Model(images, network.build(scale_pixels(images, STATISTICS), **KNOBS, **knobs), name="net")


def of_steps():
    """A network that holds operations of keras.ops: generalised mean, square root."""
    images = keras.Input((20, 20, 3), name="image")
    x = keras.layers.Conv2D(4, 3, name="conv", kernel_initializer=keras.initializers.HeNormal(0))(images)
    x = l2_norm.add(square_root.add(gem.pool(x)))
    return keras.Model(images, keras.layers.Softmax(dtype="float32", name="probabilities")(x), name="net")


BUILDERS = {
    "deeper_net": lambda: built(deeper_net, filters=[4, 4], dense_units=[8], batch_norm="before"),
    "residual_net": lambda: built(residual_net, filters=[4, 8]),
    "views": lambda: views.averaged(of_steps(), views.views(mirror=True, shift=2)),
}


def layers(model):
    return [layer for layer in model._flatten_layers() if not isinstance(layer, keras.layers.InputLayer)]


@pytest.mark.parametrize("kind", BUILDERS)
def test_a_network_of_mixed_precision_computes_the_same_in_float32(kind):
    expected = BUILDERS[kind]()
    assert precision.under(expected, "float32") is expected
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = BUILDERS[kind]()
    finally:
        keras.config.set_dtype_policy("float32")
    assert {layer.compute_dtype for layer in layers(mixed)} == {"bfloat16", "float32"}
    single = precision.under(mixed, "float32")
    assert {layer.compute_dtype for layer in layers(single)} == {"float32"}
    found = keras.ops.convert_to_numpy(single(IMAGES, training=False))
    assert np.allclose(found, keras.ops.convert_to_numpy(expected(IMAGES, training=False)), atol=1e-6)
