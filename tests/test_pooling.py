"""How a map becomes one vector: by its mean, its largest value and what lies between."""

import keras
import numpy as np
import pytest

from stages.pooling import average, gem, max
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


@pytest.mark.parametrize("pooling", [average, max, gem])
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
