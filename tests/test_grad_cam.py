"""Grad-CAM: the heat is where the evidence is, on any kind of network."""

import keras
import numpy as np
import pytest

from stages.classifiers import ensemble, grad_cam
from stages.classifiers.trained import Classifier
from stages.demo import small_backbone
from stages.features import joining
from stages.networks import views
from stages.runtime.errors import InputError

pytestmark = pytest.mark.usefixtures("keras_configured")


def colours(*, frozen=False):
    """A network of three classes, red, green and blue, that looks at each pixel by a convolution of 1x1."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 1, kernel_initializer=lambda shape, dtype: np.eye(3, 4).reshape(1, 1, 3, 4))(
        inputs
    )
    x = keras.layers.Dropout(0.5)(keras.layers.MaxPooling2D(2)(keras.layers.ReLU()(x)))
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(3, "softmax", kernel_initializer=lambda shape, dtype: np.eye(4, 3) / 50)(x)
    model = keras.Model(inputs, outputs)
    model.trainable = not frozen
    return Classifier(model, ("red", "green", "blue"), 8)


@pytest.mark.parametrize("frozen", [False, True])
def test_the_heat_is_where_the_class_is_seen_before_pooling(frozen):
    images = np.zeros((2, 8, 8, 3), np.uint8)
    images[:, :4, :4, 0] = 200  # red above left
    images[:, 4:, 4:, 2] = 200  # blue below right
    red, blue = grad_cam.heatmaps(colours(frozen=frozen), images, np.array([0, 2]))
    assert red.shape == (8, 8)
    assert (red[:4, :4] == 1).all()
    assert red[4:].max() == red[:4, 4:].max() == 0
    assert np.array_equal(blue, red[::-1, ::-1])


def test_images_of_another_size_are_scaled_to_the_networks():
    images = np.zeros((1, 16, 16, 3), np.uint8)
    images[:, :8, :8, 0] = 200
    (heat,) = grad_cam.heatmaps(colours(), images, np.array([0]))
    assert heat.shape == (8, 8)
    assert (heat[:4, :4] == 1).all()


def test_a_network_that_averages_views_and_one_of_an_ensemble_is_looked_at_plainly():
    images = np.zeros((1, 8, 8, 3), np.uint8)
    images[:, :4, :4, 0] = 200
    expected = grad_cam.heatmaps(colours(), images, np.array([0]))
    networks = [views.averaged(colours().model, views.views(mirror=True)) for _ in range(2)]
    for model in (networks[0], ensemble.averaged(networks)):
        found = grad_cam.heatmaps(Classifier(model, ("red", "green", "blue"), 8), images, np.array([0]))
        assert np.array_equal(found, expected)


def test_a_head_of_convolutions_that_was_joined_to_its_backbone_is_looked_at():
    inputs = keras.Input((2, 2, 64), name="feature_map")
    x = keras.layers.Conv2D(4, 1, name="head_conv1")(inputs)
    x = keras.layers.GlobalAveragePooling2D(name="head_pool")(x)
    head = keras.Model(inputs, keras.layers.Dense(2, "softmax", name="head_logits")(x), name="head")
    whole = joining.join(small_backbone.build(), head, layers=["conv3_relu"])
    images = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3)).astype(np.uint8)
    heat = grad_cam.heatmaps(Classifier(whole, ("a", "b"), 8), images, np.array([0]))
    assert heat.shape == (1, 2, 2)


def test_a_network_without_maps_is_refused():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(keras.layers.Flatten()(inputs)))
    with pytest.raises(InputError, match="no maps to look at"):
        grad_cam.heatmaps(Classifier(model, ("a", "b"), 8), np.zeros((1, 8, 8, 3), np.uint8), np.array([0]))
