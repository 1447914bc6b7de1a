"""Saved models: equal bytes for equal models, and still standard .keras files."""

import datetime
import json
import time
import zipfile

import keras
import numpy as np
import pytest

from stages.networks import deeper_net
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")


@pytest.fixture
def model(tiny_variant):
    return deeper_net.build(tiny_variant(), (16, 16, 3), 3, {"mean": [0.5] * 3, "deviation": [0.25] * 3})


class Later(datetime.datetime):
    """A clock that is far ahead."""

    @classmethod
    def now(cls, tz=None):
        return cls(2050, 1, 1, tzinfo=tz)


def test_equal_models_are_equal_bytes_at_another_time(model, tiny_variant, tmp_path, monkeypatch):
    save_model(model, tmp_path / "first.keras")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1e6)  # for the zip's entries
    monkeypatch.setattr(datetime, "datetime", Later)  # for metadata.json
    again = deeper_net.build(tiny_variant(), (16, 16, 3), 3, {"mean": [0.5] * 3, "deviation": [0.25] * 3})
    save_model(again, tmp_path / "second.keras")
    assert (tmp_path / "first.keras").read_bytes() == (tmp_path / "second.keras").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*.keras")) == ["first.keras", "second.keras"]


def test_shared_initializers_are_numbered_and_not_addressed(tmp_path):
    def shared():
        initializer = keras.initializers.GlorotUniform(seed=3)
        x = inputs = keras.Input((4,), name="features")
        for number in range(3):
            x = keras.layers.Dense(4, kernel_initializer=initializer, name=f"dense{number}")(x)
        return keras.Model(inputs, x, name="shared")

    kept = shared()  # so that the second one lies at another address
    save_model(kept, tmp_path / "first.keras")
    save_model(shared(), tmp_path / "second.keras")
    assert (tmp_path / "first.keras").read_bytes() == (tmp_path / "second.keras").read_bytes()


def test_one_other_weight_is_other_bytes(model, tmp_path):
    save_model(model, tmp_path / "first.keras")
    model.get_layer("head_logits").bias.assign([0, 0, 1e-7])
    save_model(model, tmp_path / "second.keras")
    assert (tmp_path / "first.keras").read_bytes() != (tmp_path / "second.keras").read_bytes()


def test_the_file_is_a_keras_model_that_predicts_the_same(model, tmp_path):
    save_model(model, tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.float32)
    assert np.array_equal(np.asarray(loaded(images)), np.asarray(model(images)))
    assert not loaded.compiled
    assert loaded.name == "tiny"


def test_the_files_inside_are_keras_own_without_a_date(model, tmp_path):
    save_model(model, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert archive.namelist() == ["config.json", "metadata.json", "model.weights.h5"]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        metadata = json.loads(archive.read("metadata.json"))
    assert metadata == {"keras_version": keras.__version__, "date_saved": "1980-01-01@00:00:00"}
