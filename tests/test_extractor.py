"""A backbone as one flat model, whatever models it was made of; checked, and joined to a head."""

import keras
import numpy as np
import pytest

from stages.backbones import extractor
from stages.demo import small_backbone
from stages.networks import dense_head
from stages.runtime.errors import InputError

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


def head(features):
    inputs = keras.Input(features, name="pooled_features")
    return keras.Model(inputs, dense_head.build(inputs, n_classes=3, seed=0, dense_units=[4]), name="tiny")


def test_the_joined_model_predicts_what_the_head_does_on_pooled_features():
    backbone, classifier = small_backbone.build(), head((2048,))
    names = [layer.name for layer in (*backbone.layers, *classifier.layers)]
    expected = eagerly(classifier, eagerly(backbone).mean(axis=(1, 2)))
    whole = extractor.end_to_end(backbone, classifier)
    assert np.allclose(eagerly(whole), expected, atol=1e-6)
    assert np.ptp(expected, axis=0).max() > 1e-3  # the images tell apart, so this can fail
    assert whole.name == "tiny"
    assert [layer.name for layer in whole.layers] == names
    assert {weight.path.split("/")[0] for weight in whole.trainable_weights} == {"head_dense1", "head_logits"}


def test_a_head_for_maps_is_joined_without_pooling():
    inputs = keras.Input((14, 14, 2), name="feature_map")
    outputs = keras.layers.Dense(3, name="head_logits")(keras.layers.Flatten(name="flatten")(inputs))
    backbone, classifier = small(), keras.Model(inputs, outputs)
    expected = eagerly(classifier, eagerly(backbone))
    assert np.allclose(eagerly(extractor.end_to_end(backbone, classifier)), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["probabilities", "pooled_features", "head_logits", "head_x"])
def test_a_backbone_with_a_layer_named_like_the_heads_is_joined_all_the_same(name, tmp_path):
    inputs = keras.Input((None, None, 3))
    backbone = keras.Model(inputs, keras.layers.Conv2D(5, 1, name=name)(inputs))
    whole = extractor.end_to_end(backbone, head((5,)))
    assert whole.get_layer(f"backbone_{name}").trainable is False
    assert len(whole.trainable_weights) == 4
    whole.save(tmp_path / "whole.keras")
    assert np.array_equal(eagerly(keras.saving.load_model(tmp_path / "whole.keras")), eagerly(whole))


def model(*layers, channels=3, size=None):
    x = inputs = keras.Input((size, size, channels))
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


def test_the_shape_of_a_map_is_returned():
    assert extractor.check(small_backbone.build(), 24) == (3, 3, 2048)


def test_a_backbone_for_other_images_is_refused():
    for other in (model(keras.layers.Conv2D(2, 1), channels=1), model(keras.layers.Conv2D(2, 1), size=32)):
        with pytest.raises(InputError, match=r"^the backbone does not take RGB images of 16x16: "):
            extractor.check(other, 16)


def test_a_backbone_without_maps_is_refused():
    with pytest.raises(InputError, match=r"^the backbone returns shape \(2, 3\), expected feature maps: "):
        extractor.check(model(keras.layers.GlobalAveragePooling2D()), 16)


@pytest.mark.parametrize("scale", [float("inf"), float("nan"), 3e38])
def test_a_backbone_whose_maps_are_not_finite_is_refused(scale):
    with pytest.raises(InputError, match=r"^the backbone returns infinite values or NaN for images in"):
        extractor.check(model(keras.layers.Rescaling(scale)), 16)


def test_a_backbone_that_sees_no_difference_between_images_is_refused():
    blind = model(keras.layers.Rescaling(1.0, offset=1.0), keras.layers.ReLU(max_value=0.5))  # saturated
    with pytest.raises(InputError, match="equal maps for different images; it must take raw RGB"):
        extractor.check(blind, 16)


def test_a_backbone_of_two_outputs_is_refused():
    inputs = keras.Input((None, None, 3))
    two = keras.Model(inputs, [keras.layers.ReLU()(inputs), keras.layers.ReLU()(inputs)])
    with pytest.raises(InputError, match=r"^the backbone has 1 inputs and 2 outputs, expected one of each"):
        extractor.check(two, 16)
