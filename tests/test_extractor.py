"""A backbone as one flat model, whatever models it was made of."""

import keras
import numpy as np
import pytest

from stages.backbones import extractor
from stages.demo import small_backbone

pytestmark = pytest.mark.usefixtures("keras_configured")

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype(np.float32)


def eagerly(model, x=IMAGES, training=False):
    return keras.ops.convert_to_numpy(model(x, training=training))


def small():
    """A backbone of a convolution and BatchNormalization."""
    x = inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(2, 3, name="conv5_conv")(x)
    x = keras.layers.BatchNormalization(name="conv5_bn")(x)
    return keras.Model(inputs, x)


def called(base, **options):
    inputs = keras.Input((None, None, 3), name="image")
    return keras.Model(inputs, base(inputs, **options))


def two_deep(base):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1.0, name="conv5_conv")(inputs)  # a name that the inner model has too
    return keras.Model(inputs, called(base)(x))


def twice(base):
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, keras.layers.Average()([base(inputs), base(inputs * 1.0)]))


NESTED = {
    "sequential": lambda base: keras.Sequential([keras.Input((None, None, 3)), base]),
    "called": called,
    "called not training": lambda base: called(base, training=False),
    "two deep": two_deep,
    "used twice": twice,
    "sequential inside": lambda base: called(keras.Sequential([keras.Input((None, None, 3)), base])),
}


@pytest.mark.parametrize("kind", NESTED)
def test_a_nested_model_becomes_flat_and_computes_the_same(kind):
    base = small()
    nested = NESTED[kind](base)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in nested.layers)
    flat = extractor.flat(nested)
    assert not any(isinstance(layer, keras.Model) for layer in extractor.every_layer(flat))
    assert sum(isinstance(layer, keras.layers.BatchNormalization) for layer in flat.layers) == 1
    assert len({layer.name for layer in flat.layers}) == len(flat.layers)
    assert np.array_equal(eagerly(flat), eagerly(nested))
    assert flat.count_params() == base.count_params()


def test_a_flat_model_stays_as_it_is():
    model = small_backbone.build()
    assert extractor.flat(model) is model


def test_layers_inside_wrappers_and_models_are_all_seen_once():
    base = small()
    inputs = keras.Input((4, 16, 16, 3))
    wrapped = keras.Model(inputs, keras.layers.TimeDistributed(base)(inputs))
    seen = extractor.every_layer(wrapped)
    assert {layer.name for layer in base.layers} < {layer.name for layer in seen}
    assert len({id(layer) for layer in seen}) == len(seen)


def test_what_a_layer_gives_within_a_flat_model_is_found_although_it_serves_the_nested_one_too():
    flat = extractor.flat(called(small()))
    found = keras.Model(flat.inputs[0], extractor.output_of(flat, "conv5_conv"))
    assert np.array_equal(eagerly(found), eagerly(flat.get_layer("conv5_conv")))
