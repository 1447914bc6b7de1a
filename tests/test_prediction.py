"""Probabilities by one look, or by the mean over the views of an image."""

import keras
import numpy as np
import pytest

from benchmarks import studies
from stages.datasets.prepared import Dataset
from stages.training import checkpoints, prediction

pytestmark = pytest.mark.usefixtures("keras_configured")


def test_a_prediction_is_the_networks_output_whatever_the_batch_and_leaves_it_alone(data):
    model = studies.build(data, studies.knobs())  # with dropout and batch normalisation
    predict, before = prediction.predictor(model), checkpoints.state(model.variables)
    whole = predict(data.inputs[:9])
    assert np.allclose(whole, model.predict_on_batch(data.inputs[:9].astype(np.float32)), atol=1e-6)
    parts = np.concatenate([predict(data.inputs[:4]), predict(data.inputs[4:9])])
    assert np.allclose(parts, whole, atol=1e-6)
    assert whole.dtype == np.float32
    assert all(map(np.array_equal, before, checkpoints.state(model.variables)))


@pytest.fixture
def few(monkeypatch):
    """Fewer inputs at a time than the splits have, which they do not divide."""
    monkeypatch.setattr(prediction, "PREDICTED_AT_ONCE", 3)


@pytest.mark.usefixtures("few")
def test_probabilities_are_those_of_a_split_in_stored_order(data):
    sizes = []

    def predict(images):
        sizes.append(len(images))
        return images[:, 0, :2, 0].astype(np.float32)

    found = prediction.probabilities(predict, data, "test")
    assert np.array_equal(found, data.inputs[data.rows("test")][:, 0, :2, 0])
    assert found.dtype == np.float32
    assert sizes == [3, 3, 2]


@pytest.mark.usefixtures("few")
def test_probabilities_of_features_are_the_mean_over_the_views_of_an_image():
    # image r has the features 10r and 10r + 4 in its two views; of both, the class is as likely as a tenth
    inputs = 10.0 * np.arange(8)[:, None, None] + np.array([[0], [4]])
    split = np.array([0, 2, 1, 2, 2, 1, 2, 0], np.uint8)
    data = Dataset(inputs, np.zeros(8, np.int64), split, ["a"], {}, {}, 8, "squash")
    found = prediction.probabilities(lambda x: x.astype(np.float32) / 10, data, "test", has_views=True)
    assert np.allclose(found, [[1.2], [3.2], [4.2], [6.2]])


def test_loss_and_accuracy_are_those_of_keras():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), 20).astype(np.float32)
    probabilities[0], labels = [0, 1, 0], rng.integers(0, 3, 20)
    labels[0] = 0  # whose logarithm is clipped
    found = prediction.loss_and_accuracy(probabilities, labels)
    expected = keras.losses.sparse_categorical_crossentropy(labels, probabilities)
    assert found["loss"] == pytest.approx(float(np.mean(expected)), rel=1e-6)
    assert found["accuracy"] == (probabilities.argmax(axis=1) == labels).mean()
