"""Cached features: the maps and their averages, in the order of the pictures, whatever the batches."""

import hashlib
import json
import shutil
import sys

import keras
import numpy as np
import pytest

from stages import cache_features
from stages.errors import InputError
from stages.networks import small_backbone
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")


@pytest.fixture(scope="module")
def backbone(keras_configured):
    return small_backbone.build()


@pytest.fixture(scope="module")
def images():
    """Eleven pictures of 16x16, which four does not divide."""
    return np.random.default_rng(0).integers(0, 256, (11, 16, 16, 3)).astype(np.uint8)


@pytest.fixture
def extract(backbone, images, tmp_path, monkeypatch):
    """A function that runs the command with a batch size; returns maps and averages."""
    (tmp_path / "code.json").write_text('"0"')
    np.save(tmp_path / "images.npy", images)
    digest = hashlib.sha256((tmp_path / "images.npy").read_bytes()).hexdigest()
    manifest = {"image_size": 16, "sha256": {"images.npy": digest}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    save_model(backbone, tmp_path / "backbone.keras")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["cache_features", "code.json", "images.npy", "backbone.keras", "features"]
    )

    def extract(batch_size=4):
        knobs = {"threads": 2, "batch_size": batch_size}
        (tmp_path / "params.yaml").write_text(json.dumps({"features": knobs}))
        cache_features.main()
        names = sorted(path.name for path in (tmp_path / "features").iterdir())
        assert names == ["manifest.json", "maps.npy", "pooled.npy"]
        return np.load("features/maps.npy"), np.load("features/pooled.npy")

    return extract


def test_maps_are_half_precision_and_averages_are_single(extract, capsys):
    maps, pooled = extract()
    assert (maps.shape, maps.dtype) == ((11, 2, 2, 2048), np.float16)
    assert (pooled.shape, pooled.dtype) == ((11, 2048), np.float32)
    assert capsys.readouterr().out.splitlines()[1].startswith("features: ")


def test_features_are_those_of_the_backbone_in_the_order_of_the_pictures(extract, backbone, images):
    maps, pooled = extract()
    expected = backbone.predict_on_batch(images.astype(np.float32))
    assert np.allclose(maps, expected, rtol=1e-3, atol=1e-4)
    assert np.allclose(pooled, expected.mean(axis=(1, 2)), rtol=1e-5, atol=1e-5)
    assert len(np.unique(pooled.sum(axis=1))) == 11  # all differ, so the order shows


def test_the_batch_size_does_not_matter(extract):
    maps, pooled = extract(4)
    for batch_size in (1, 11, 64):
        other_maps, other_pooled = extract(batch_size)
        assert np.allclose(other_pooled, pooled, rtol=1e-5, atol=1e-5)
        assert np.allclose(other_maps, maps, rtol=2e-3, atol=1e-4)


def test_an_interrupted_pass_leaves_no_features_and_ends_in_the_same_bytes(extract, tmp_path, monkeypatch):
    maps, pooled = extract()
    (tmp_path / "features").rename(tmp_path / "undisturbed")
    shutil.rmtree(tmp_path / ".checkpoints")
    original, count = keras.Model.predict_on_batch, 0

    def predict_on_batch(model, pictures):
        nonlocal count
        count += len(pictures) == 4  # not the two pictures of the check
        if count == 2:
            raise KeyboardInterrupt
        return original(model, pictures)

    with monkeypatch.context() as patched:
        patched.setattr(keras.Model, "predict_on_batch", predict_on_batch)
        with pytest.raises(KeyboardInterrupt):
            extract()
    assert not (tmp_path / "features").exists()
    again = extract()
    assert np.array_equal(again[0], maps)
    assert np.array_equal(again[1], pooled)


def test_a_backbone_that_is_none_is_an_error_before_anything_is_written(extract, tmp_path):
    (tmp_path / "backbone.keras").write_bytes(b"weights")
    with pytest.raises(InputError, match=r"^backbone.keras is not a Keras model: "):
        extract()
    assert not (tmp_path / "features").exists()


def test_pictures_that_prepare_did_not_write_are_refused(extract, images, tmp_path):
    np.save(tmp_path / "images.npy", images + 1)
    with pytest.raises(InputError, match=r"^images.npy has sha256 "):
        extract()
    assert not (tmp_path / ".checkpoints/data/features").exists()
