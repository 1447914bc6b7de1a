"""Saved models: equal bytes for equal models, and still standard .keras files."""

import datetime
import json
import time
import zipfile

import keras
import numpy as np
import pytest

from stages.training import saving
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")


def build(policy="float32"):
    """A network of every kind of layer the study's have."""
    initializer = keras.initializers.GlorotUniform(seed=3)  # shared by two layers
    x = inputs = keras.Input((16, 16, 3), name="image", dtype="float32")
    x = keras.layers.Rescaling(1 / 255, dtype=policy)(x)
    x = keras.layers.Normalization(mean=[0.5] * 3, variance=[0.25] * 3, dtype=policy)(x)
    x = keras.layers.Conv2D(4, 3, kernel_initializer=initializer, dtype=policy)(x)
    x = keras.layers.BatchNormalization(dtype=policy)(x)
    x = keras.layers.MaxPooling2D(dtype=policy)(x)
    x = keras.layers.Dropout(0.5, seed=1, dtype=policy)(keras.layers.Flatten(dtype=policy)(x))
    x = keras.layers.Dense(3, kernel_initializer=initializer, name="logits", dtype=policy)(x)
    return keras.Model(inputs, keras.layers.Activation("softmax", dtype="float32")(x), name="tiny")


@pytest.fixture
def model():
    keras.utils.clear_session()  # layers are numbered from 0
    return build()


class Later(datetime.datetime):
    """A clock that is far ahead."""

    @classmethod
    def now(cls, tz=None):
        return cls(2050, 1, 1, tzinfo=tz)


def test_equal_models_are_equal_bytes_at_another_time_and_address(model, tmp_path, monkeypatch):
    save_model(model, tmp_path / "first.keras")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1e6)  # for the zip's entries
    monkeypatch.setattr(datetime, "datetime", Later)  # for metadata.json
    keras.utils.clear_session()
    save_model(build(), tmp_path / "second.keras")
    assert (tmp_path / "first.keras").read_bytes() == (tmp_path / "second.keras").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.keras", "second.keras"]


def test_what_is_said_about_the_model_is_in_its_metadata(model, tmp_path):
    save_model(model, tmp_path / "m.keras", {"class_names": ["apple", "bee", "crab"]})
    with zipfile.ZipFile(tmp_path / "m.keras") as file:
        metadata = json.loads(file.read("metadata.json"))
    assert metadata["class_names"] == ["apple", "bee", "crab"]
    assert metadata["keras_version"] == keras.__version__
    assert keras.saving.load_model(tmp_path / "m.keras").name == "tiny"


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_the_file_is_a_keras_model_that_predicts_the_same(policy, tmp_path):
    model = build(policy)
    save_model(model, tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    images = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3)).astype(np.float32)
    first, second = (keras.ops.convert_to_numpy(each(images)) for each in (model, loaded))
    assert np.array_equal(first, second)
    assert loaded.get_layer("logits").compute_dtype == policy.removeprefix("mixed_")
    assert not loaded.compiled
    assert loaded.name == "tiny"


def test_the_files_inside_are_keras_own_without_a_date(model, tmp_path):
    save_model(model, tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert archive.namelist() == ["config.json", "metadata.json", "model.weights.h5"]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        metadata = json.loads(archive.read("metadata.json"))
    assert metadata == {"keras_version": keras.__version__, "date_saved": "1980-01-01@00:00:00"}


def test_entries_that_older_versions_of_keras_refuse_are_left_out(model, tmp_path):
    model.save(tmp_path / "keras.keras")
    save_model(model, tmp_path / "ours.keras")
    theirs, ours = (
        zipfile.ZipFile(tmp_path / name).read("config.json").decode()
        for name in ("keras.keras", "ours.keras")
    )
    assert all(f'"{name}"' in theirs for name in saving.NEWER)  # else the list is out of date
    assert not any(f'"{name}"' in ours for name in saving.NEWER)


def test_such_an_entry_stays_where_it_says_something(tmp_path):
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, keras.layers.BatchNormalization(renorm=True)(inputs))
    save_model(model, tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").layers[1].renorm is True
