"""A head joined to its backbone: one model that computes what the head does on the cached features."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from stages.demo import small_backbone
from stages.feature_steps import l2_norm, square_root
from stages.features import joining, pooled_maps
from stages.networks import dense_head, views
from stages.runtime.errors import InputError
from stages.runtime.hashes import file_hash
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype(np.float32)


def eagerly(model, x=IMAGES):
    return keras.ops.convert_to_numpy(model(x, training=False))


def head(width, *steps):
    x = inputs = keras.Input((width,), name="pooled_features")
    for step in steps:
        x = step.add(x)
    return keras.Model(inputs, dense_head.build(x, n_classes=3, seed=0, dense_units=[4]), name="tiny")


def test_the_joined_model_predicts_what_the_head_does_on_pooled_features():
    backbone, classifier = small_backbone.build(), head(2048)
    names = [layer.name for layer in (*backbone.layers, *classifier.layers)]
    expected = eagerly(classifier, eagerly(backbone).mean(axis=(1, 2)))
    whole = joining.join(backbone, classifier)
    assert np.allclose(eagerly(whole), expected, atol=1e-6)
    assert np.ptp(expected, axis=0).max() > 1e-3  # the images tell apart, so this can fail
    assert whole.name == "tiny"
    assert [layer.name for layer in whole.layers] == names
    assert {weight.path.split("/")[0] for weight in whole.trainable_weights} == {"head_dense1", "head_logits"}


def test_several_layers_and_poolings_stand_side_by_side_in_their_order():
    backbone = small_backbone.build()
    layers, pooling = ["conv2_relu", "conv3_relu"], ["max", {"gem": 2.0}]
    tensors = [backbone.get_layer(name).output for name in layers]
    first, second = (np.maximum(maps, 1e-6) for maps in keras.Model(backbone.inputs[0], tensors)(IMAGES))
    expected = []
    for maps in (first, second):
        expected += [maps.max(axis=(1, 2)), np.sqrt((maps**2).mean(axis=(1, 2)))]
    expected = np.concatenate(expected, axis=1)
    found = keras.Model(backbone.inputs[0], pooled_maps.pooled(backbone, layers, pooling))
    assert found.outputs[0].shape == (None, 2 * 32 + 2 * 64)
    assert np.allclose(eagerly(found), expected, atol=1e-5)
    classifier = head(192, square_root, l2_norm)
    whole = joining.join(backbone, classifier, layers=layers, pooling=pooling)
    assert np.allclose(eagerly(whole), eagerly(classifier, expected), atol=1e-5)
    assert "conv5_conv" not in [layer.name for layer in whole.layers]  # what nothing needs is left out


@pytest.mark.parametrize("name", ["probabilities", "pooled_features", "pooled_features_2", "head_logits"])
def test_a_backbone_with_a_layer_named_like_the_heads_is_joined_all_the_same(name, tmp_path):
    inputs = keras.Input((None, None, 3))
    backbone = keras.Model(inputs, keras.layers.Conv2D(5, 1, name=name)(inputs))
    whole = joining.join(backbone, head(5, square_root), layers=[name], pooling=[{"gem": 3.0}])
    assert whole.get_layer(f"backbone_{name}").trainable is False
    assert len(whole.trainable_weights) == 4
    save_model(whole, tmp_path / "whole.keras")
    assert np.array_equal(eagerly(keras.saving.load_model(tmp_path / "whole.keras")), eagerly(whole))


@pytest.fixture
def features(tmp_path, monkeypatch):
    """A folder of features of two views, pooled by gem, as far as their manifest."""
    monkeypatch.chdir(tmp_path)
    save_model(small_backbone.build(), Path("backbone.keras"))
    manifest = {
        **{"layers": ["conv4_relu"], "pooling": [{"gem": 3.0}], "views": {"mirror": True}},
        **{"backbone": "backbone.keras", "sha256": {"backbone.keras": file_hash(Path("backbone.keras"))}},
    }
    Path("f").mkdir()
    Path("f/manifest.json").write_text(json.dumps(manifest))
    return Path("f")


def test_a_head_is_joined_as_the_features_say_and_averages_their_views(features):
    classifier, backbone = head(128), small_backbone.build()
    pooled = keras.Model(backbone.inputs[0], pooled_maps.pooled(backbone, ["conv4_relu"], [{"gem": 3.0}]))
    expected = np.mean(
        [eagerly(classifier, eagerly(pooled, look)) for look in (IMAGES, IMAGES[:, :, ::-1])], axis=0
    )
    whole = joining.end_to_end(features, classifier)
    assert np.allclose(eagerly(whole), expected, atol=1e-6)
    assert views.inner(whole).name == "tiny"
    save_model(whole, Path("whole.keras"))
    assert np.array_equal(eagerly(keras.saving.load_model("whole.keras", safe_mode=True)), eagerly(whole))


def test_another_backbone_than_that_of_the_features_is_refused(features):
    save_model(small_backbone.build(seed=1), Path("backbone.keras"))
    with pytest.raises(InputError, match=r"^backbone.keras has sha256"):
        joining.end_to_end(features, head(128))
