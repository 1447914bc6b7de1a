"""From inputs to probabilities: statistics without a copy of all images, errors in plain words."""

import tracemalloc

import numpy as np
import pytest

from benchmarks import studies
from stages.datasets.prepared import Dataset
from stages.networks import base_net, conv_head, dense_head
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


def test_a_network_on_images_takes_raw_pixels_and_normalises_where_it_is_asked_to(data):
    for normalisation in ("none", "featurewise"):
        model = studies.build(data, studies.settings(normalisation=normalisation))
        assert (model.name, model.inputs[0].name, model.inputs[0].shape) == (
            "tiny",
            "image",
            (None, 16, 16, 3),
        )
        assert model.outputs[0].shape == (None, 3)
        assert ("normalisation" in [layer.name for layer in model.layers]) == (normalisation == "featurewise")


@pytest.mark.parametrize(
    ("network", "knobs", "shape", "name"),
    [
        (dense_head, {"dense_units": [4]}, (6,), "pooled_features"),
        (conv_head, {"dense_units": [4], "filters": [2], "pooling": "flatten"}, (4, 4, 6), "feature_map"),
    ],
)
def test_a_head_takes_features_as_they_are(data, network, knobs, shape, name):
    features = Dataset(np.zeros((40, *shape)), data.labels, data.split, data.class_names, {}, {}, 8, "squash")
    model = building.from_features(network, knobs, features, studies.settings())
    assert (model.inputs[0].name, model.inputs[0].shape) == (name, (None, *shape))
    assert model.outputs[0].shape == (None, 3)


def test_a_network_that_does_not_fit_the_images_is_an_error_that_names_its_knobs(data):
    knobs = {"filters": [6, 16, 32], "dense_units": [50]}
    settings = studies.settings(network={"base_net": knobs})
    with pytest.raises(InputError) as caught:
        building.from_images(base_net, knobs, data, settings)
    message = str(caught.value)
    assert message.startswith(f"variant 'tiny': base_net cannot be built with {knobs} on 16 x 16 x 3: ")
    assert len(message.splitlines()) == 1
