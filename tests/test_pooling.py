"""How a map becomes one vector: by its mean, its largest value and what lies between."""

from functools import partial
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from stages.pooling import average, covariance, gem, max
from stages.runtime.errors import InputError
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")

MAPS = np.array([[1.0, -2.0], [2.0, 0.0], [3.0, -4.0], [4.0, 0.0]], np.float32).reshape(1, 2, 2, 2)


def model(pooling, **knobs):
    inputs = keras.Input((None, None, 2), name="feature_map")
    return keras.Model(inputs, pooling.pool(inputs, **knobs), name="pooling")


def pooled(pooling, **knobs):
    return keras.ops.convert_to_numpy(model(pooling, **knobs)(MAPS))[0]


def test_each_pooling_gives_what_one_computes_by_hand():
    assert np.allclose(pooled(average), [2.5, -1.5])
    assert np.allclose(pooled(max), [4.0, 0.0])
    assert np.allclose(pooled(gem), [25 ** (1 / 3), 1e-6])  # (1 + 8 + 27 + 64) / 4 = 25
    assert np.allclose(pooled(gem, p=1.0), [2.5, 1e-6])


@pytest.mark.parametrize(
    "pooling", [average, max, gem, SimpleNamespace(pool=partial(covariance.pool, channels=2.0))]
)
def test_a_saved_model_is_plain_keras_and_has_the_same_bytes_each_time(tmp_path, pooling):
    for name in "ab":
        save_model(model(pooling), tmp_path / f"{name}.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    loaded = keras.saving.load_model(tmp_path / "a.keras", safe_mode=True)
    assert np.array_equal(keras.ops.convert_to_numpy(loaded(MAPS))[0], pooled(pooling))
    assert loaded.operations[-1].name == "pooled_features"


def test_gem_is_computed_in_single_precision_within_a_network_of_half():
    inputs = keras.Input((2, 2, 2), dtype="bfloat16")
    outputs = gem.pool(inputs)
    assert outputs.dtype == "float32"


def test_covariance_is_the_matrix_square_root_of_the_channels_products():
    x = np.random.default_rng(0).random((2, 5, 7, 6)).astype(np.float32)
    inputs = keras.Input((None, None, 6))
    model = keras.Model(inputs, covariance.pool(inputs, channels=3.0))
    found = keras.ops.convert_to_numpy(model(x))
    (kernel,) = model.get_weights()
    for image, vector in zip(x, found, strict=True):
        projected = image.reshape(-1, 6).astype(np.float64) @ kernel[0, 0]
        values, directions = np.linalg.eigh(projected.T @ projected)
        root = directions * np.sqrt(values) @ directions.T
        expected = root[np.triu_indices(3)]
        assert np.allclose(vector, expected / np.linalg.norm(expected), atol=0.01)  # five steps come near it
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert not model.trainable_weights


def test_covariance_projects_equally_each_time_and_keeps_lengths_on_average():
    kernels = []
    for _ in range(2):
        inputs = keras.Input((2, 2, 64))
        kernels += keras.Model(inputs, covariance.pool(inputs, channels=16.0)).get_weights()
    assert np.array_equal(*kernels)
    assert np.allclose(kernels[0][0, 0].T @ kernels[0][0, 0], np.eye(16) * 4, atol=1e-4)


@pytest.mark.parametrize("channels", [2.5, 0.5])
def test_covariance_takes_whole_numbers(channels):
    with pytest.raises(InputError, match="expected a whole number of channels"):
        covariance.pool(keras.Input((2, 2, 2)), channels=channels)


def test_covariance_takes_all_channels_where_there_are_fewer():
    assert covariance.pool(keras.Input((2, 2, 4)), channels=256.0).shape == (None, 10)


def test_covariance_of_an_empty_map_is_finite():
    inputs = keras.Input((2, 2, 4))
    model = keras.Model(inputs, covariance.pool(inputs, channels=2.0))
    assert np.isfinite(keras.ops.convert_to_numpy(model(np.zeros((1, 2, 2, 4), np.float32)))).all()
