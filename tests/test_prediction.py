"""Probabilities by one look or by the mean over several views."""

import numpy as np
import pytest

from stages.training import prediction

pytestmark = pytest.mark.usefixtures("keras_configured")


def test_the_views_are_the_image_its_shifts_and_all_of_them_mirrored():
    assert prediction.views(flip=False, shift=0) == list(prediction.PLAIN)
    assert prediction.views(flip=True, shift=0) == [(False, 0, 0), (True, 0, 0)]
    shifts = [(0, 0), (2, 0), (-2, 0), (0, 2), (0, -2)]
    assert prediction.views(flip=False, shift=2) == [(False, *shift) for shift in shifts]
    assert prediction.views(flip=True, shift=2) == [
        (flip, *shift) for flip in (False, True) for shift in shifts
    ]


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ((False, 0, 0), [[1, 2, 3], [4, 5, 6]]),
        ((True, 0, 0), [[3, 2, 1], [6, 5, 4]]),
        ((False, 1, 0), [[1, 2, 3], [1, 2, 3]]),  # down; the edge is repeated
        ((False, -1, 0), [[4, 5, 6], [4, 5, 6]]),
        ((False, 0, 1), [[1, 1, 2], [4, 4, 5]]),  # to the right
        ((False, 0, -2), [[3, 3, 3], [6, 6, 6]]),
        ((True, 0, 1), [[3, 3, 2], [6, 6, 5]]),
    ],
)
def test_a_view_mirrors_and_shifts(data, view, expected):
    images = np.arange(1, 7, dtype=np.uint8).reshape(1, 2, 3, 1)
    seen = []
    one = data.__class__(images, np.array([0]), np.array([1]), ["a"], {}, {})
    prediction.probabilities(lambda batch: seen.append(batch) or batch, one, "validation", over=[view])
    assert seen[0][0, :, :, 0].tolist() == expected


def test_probabilities_are_the_mean_over_the_views_in_stored_order(data, monkeypatch):
    def predict(images):  # looks at one corner, so that views differ
        return images[:, 0, :2, 0].astype(np.float32)

    monkeypatch.setattr(prediction, "BATCH", 3)  # smaller than the split, which it does not divide
    images = data.inputs[data.rows("test")]
    plain = prediction.probabilities(predict, data, "test")
    assert np.array_equal(plain, images[:, 0, :2, 0])
    both = prediction.probabilities(predict, data, "test", over=prediction.views(flip=True, shift=0))
    assert np.allclose(both, (plain + images[:, 0, :-3:-1, 0]) / 2)
    assert both.dtype == np.float32


def test_loss_and_accuracy_are_those_of_keras():
    import keras

    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), 20).astype(np.float32)
    probabilities[0], labels = [0, 1, 0], rng.integers(0, 3, 20)
    labels[0] = 0  # whose logarithm is clipped
    found = prediction.loss_and_accuracy(probabilities, labels)
    expected = keras.losses.sparse_categorical_crossentropy(labels, probabilities)
    assert found["loss"] == pytest.approx(float(np.mean(expected)), rel=1e-6)
    assert found["accuracy"] == (probabilities.argmax(axis=1) == labels).mean()
