"""Cached features: the maps and their averages, in the order of the pictures, whatever the batches."""

import json
import sys

import numpy as np
import pytest

from stages import cache_features
from stages.networks import small_backbone
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")

SHAPE = (2, 2, 2048)


@pytest.fixture(scope="module")
def backbone(keras_configured):
    return small_backbone.build()


@pytest.fixture(scope="module")
def images():
    """Eleven pictures of 16x16, which no batch size below divides."""
    return np.random.default_rng(0).integers(0, 256, (11, 16, 16, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def extracted(backbone, images, tmp_path_factory):
    """The features made in batches of four."""
    return extract(backbone, images, tmp_path_factory.mktemp("features"), 4)


def extract(backbone, images, folder, batch_size):
    cache_features.extract(backbone, images, SHAPE, folder, batch_size=batch_size)
    assert sorted(path.name for path in folder.iterdir()) == ["maps.npy", "pooled.npy"]
    return np.load(folder / "maps.npy"), np.load(folder / "pooled.npy")


def test_maps_are_half_precision_and_averages_are_single(extracted):
    maps, pooled = extracted
    assert (maps.shape, maps.dtype) == ((11, *SHAPE), np.float16)
    assert (pooled.shape, pooled.dtype) == ((11, 2048), np.float32)
    assert pooled.any(axis=1).all()


def test_features_are_those_of_the_backbone_in_the_order_of_the_pictures(extracted, backbone, images):
    maps, pooled = extracted
    expected = backbone.predict_on_batch(images.astype(np.float32))
    assert np.allclose(maps, expected, rtol=1e-3, atol=1e-4)
    assert np.allclose(pooled, expected.mean(axis=(1, 2)), rtol=1e-5, atol=1e-5)
    assert len(np.unique(pooled.sum(axis=1))) == 11  # all differ, so the order shows


@pytest.mark.parametrize("batch_size", [1, 11, 64])
def test_the_batch_size_does_not_matter(extracted, backbone, images, tmp_path, batch_size):
    maps, pooled = extract(backbone, images, tmp_path, batch_size)
    assert np.allclose(pooled, extracted[1], rtol=1e-5, atol=1e-5)
    assert np.allclose(maps, extracted[0], rtol=2e-3, atol=1e-4)


def test_the_command_writes_the_features_of_a_backbone_file(
    extracted, backbone, images, tmp_path, monkeypatch, capsys
):
    np.save(tmp_path / "images.npy", images)
    save_model(backbone, tmp_path / "backbone.keras")
    (tmp_path / "params.yaml").write_text(json.dumps({"features": {"threads": 2, "batch_size": 4}}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["cache_features", "images.npy", "backbone.keras", "features"])
    cache_features.main()
    assert np.array_equal(np.load("features/maps.npy"), extracted[0])
    assert np.array_equal(np.load("features/pooled.npy"), extracted[1])
    assert capsys.readouterr().out == "features: 11 images, maps of 2 x 2 x 2048\n"
