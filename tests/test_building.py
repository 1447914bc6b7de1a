"""From inputs to probabilities: statistics without a copy of all images, errors in plain words."""

import tracemalloc

import keras
import numpy as np
import pytest

from benchmarks import studies
from stages.datasets.prepared import Dataset
from stages.runtime.errors import InputError
from stages.training import building

pytestmark = pytest.mark.usefixtures("keras_configured")


def test_channel_statistics_are_the_exact_ones_of_the_training_images_alone(monkeypatch):
    monkeypatch.setattr(building, "BLOCK", 7)  # which 24 is no multiple of
    data = studies.dataset()
    found = building.channel_statistics(data)
    pixels = data.inputs[data.rows("train")].astype(np.float64) / 255
    assert np.allclose(found["mean"], pixels.mean(axis=(0, 1, 2)), rtol=1e-12)
    assert np.allclose(found["std"], pixels.std(axis=(0, 1, 2)), rtol=1e-10)


def test_channel_statistics_need_memory_for_a_block_and_not_for_all_images():
    n, size = 20 * building.BLOCK, 16
    images = np.broadcast_to(np.arange(size, dtype=np.uint8)[:, None, None], (n, size, size, 3))
    data = Dataset(images, np.zeros(n), np.zeros(n, np.uint8), ["a"], {}, {}, 8, "squash")
    tracemalloc.start()
    found = building.channel_statistics(data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < images.size * 2  # in float64 they take eight times their size
    assert found["mean"] == pytest.approx([7.5 / 255] * 3)


@pytest.mark.parametrize("knobs", [{}, {"normalisation": "featurewise"}])
def test_a_network_on_images_takes_raw_pixels_and_normalises_where_it_is_asked_to(data, knobs):
    model = building.from_images(data, head(studies.SMALL, **knobs), 0)
    assert (model.name, model.inputs[0].name) == ("tiny", "image")
    assert model.inputs[0].shape == (None, 16, 16, 3)
    assert model.outputs[0].shape == (None, 3)
    assert ("normalisation" in [layer.name for layer in model.layers]) == bool(knobs)


def features(inputs):
    """A dataset of four images that learn, of two that validate, of two that test."""
    split = np.array([0, 1, 0, 2, 0, 1, 0, 2], np.uint8)
    return Dataset(np.asarray(inputs), np.arange(8) % 3, split, ["a", "b", "c"], {}, {}, 8, "squash")


def head(network, **knobs):
    return {"name": "tiny", "network": network} | knobs


DENSE = {"dense_head": {"dense_units": [4]}}


@pytest.mark.parametrize(
    ("network", "shape", "name"),
    [
        (DENSE, (6,), "pooled_features"),
        (
            {"conv_head": {"dense_units": [4], "filters": [2], "pooling": "flatten"}},
            (4, 4, 6),
            "feature_map",
        ),
    ],
)
def test_a_head_takes_one_view_of_features_as_they_are(network, shape, name):
    model = building.from_features(features(np.zeros((8, 2, *shape))), head(network), 0)
    assert (model.inputs[0].name, model.inputs[0].shape) == (name, (None, *shape))
    assert model.outputs[0].shape == (None, 3)


def before_the_head(model, values):
    """What the head's first layer sees."""
    front = keras.Model(model.inputs[0], model.get_layer("head_dense1").input)
    return np.asarray(front(np.asarray(values, np.float32)))


def test_features_are_standardised_by_those_of_all_views_of_the_training_images():
    values = np.full((8, 2, 2), 100.0)  # of the images that do not train
    values[::2, :, 0] = [[1, 3], [1, 3], [5, 7], [5, 7]]  # mean 4, variance 5
    values[::2, :, 1] = [[0, 0], [0, 0], [2, 2], [2, 2]]  # mean 1, variance 1
    model = building.from_features(features(values), head(DENSE, feature_steps=["standardise"]), 0)
    found = before_the_head(model, [[4, 1], [9, 3]])
    assert np.allclose(found, [[0, 0], [5**0.5, 2]], atol=1e-6)


def test_steps_are_taken_in_their_order_and_each_sees_what_those_before_it_leave():
    values = np.full((8, 1, 2), 7.0)
    values[::2, 0] = [[3, 4], [30, 40], [4, 3], [8, 6]]  # of length 1: 0.6 and 0.8, twice each way round
    steps = ["l2_norm", "standardise"]
    model = building.from_features(features(values), head(DENSE, feature_steps=steps), 0)
    # mean 0.7 and standard deviation 0.1 of both
    assert np.allclose(before_the_head(model, [[6, 8], [5, 0]]), [[-1, 1], [3, -7]], atol=1e-4)
    model = building.from_features(features(values), head(DENSE, feature_steps=steps[::-1]), 0)
    assert np.allclose(np.linalg.norm(before_the_head(model, [[6, 8], [5, 0]]), axis=1), 1, atol=1e-6)


def test_a_network_that_does_not_fit_the_images_is_an_error_that_names_its_knobs(data):
    knobs = {"filters": [6, 16, 32], "dense_units": [50]}
    with pytest.raises(InputError) as caught:
        building.from_images(data, studies.knobs(network={"base_net": knobs}), 0)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"variant 'tiny': base_net cannot be built with {knobs} on 16 x 16 x 3: ")
