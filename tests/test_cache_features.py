"""Cached features: the maps and their averages, in the order of the images, whatever the batches."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from stages import cache_features
from stages.demo import small_backbone
from stages.runtime import resolved
from stages.runtime.errors import InputError
from stages.runtime.hashes import file_hash
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")


@pytest.fixture(scope="module")
def backbone(keras_configured):
    return small_backbone.build()


@pytest.fixture(scope="module")
def images():
    """Eleven images of 16x16, which four does not divide."""
    return np.random.default_rng(0).integers(0, 256, (11, 16, 16, 3)).astype(np.uint8)


def write_manifest(path):
    path.with_name("manifest.json").write_text(json.dumps({"sha256": {path.name: file_hash(path)}}))


@pytest.fixture
def extract(backbone, images, tmp_path, monkeypatch):
    """A function that runs the command with a batch size; returns maps and averages."""
    monkeypatch.chdir(tmp_path)
    for folder in ("birds", "backbones/b"):
        Path(folder).mkdir(parents=True)
    np.save("birds/images.npy", images)
    save_model(backbone, Path("backbones/b/backbone.keras"))
    write_manifest(Path("birds/images.npy"))
    write_manifest(Path("backbones/b/backbone.keras"))

    def extract(batch_size=4):
        resolved.write(Path("f.json"), "cache_features", {"threads": 2, "batch_size": batch_size})
        cache_features.main(["f.json", "birds/images.npy", "backbones/b/backbone.keras", "features/f"])
        names = sorted(path.name for path in Path("features/f").iterdir())
        assert names == ["manifest.json", "maps.npy", "pooled.npy"]
        return np.load("features/f/maps.npy"), np.load("features/f/pooled.npy")

    return extract


def test_maps_are_half_precision_and_averages_are_single(extract, capsys):
    maps, pooled = extract()
    assert (maps.shape, maps.dtype) == ((11, 2, 2, 2048), np.float16)
    assert (pooled.shape, pooled.dtype) == ((11, 2048), np.float32)
    assert capsys.readouterr().out.endswith("features/f: 11 maps of 2 x 2 x 2048\n")


def test_the_manifest_names_the_backbone_and_all_hashes(extract):
    extract()
    manifest = json.loads(Path("features/f/manifest.json").read_text())
    assert (manifest["images"], manifest["map"]) == (11, [2, 2, 2048])
    assert manifest["backbone"] == "backbones/b/backbone.keras"
    files = [Path("features/f/maps.npy"), Path("features/f/pooled.npy"), Path(manifest["backbone"])]
    assert manifest["sha256"] == {path.name: file_hash(path) for path in files}


def test_features_are_those_of_the_backbone_in_the_order_of_the_images(extract, backbone, images):
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


def test_an_interrupted_pass_leaves_no_features_and_ends_in_the_same_bytes(extract, monkeypatch):
    maps, pooled = extract()
    for folder in ("features", ".checkpoints"):
        shutil.rmtree(folder)
    original, count = keras.Model.predict_on_batch, 0

    def predict_on_batch(model, batch):
        nonlocal count
        count += len(batch) == 4  # not the two images of the check
        if count == 2:
            raise KeyboardInterrupt
        return original(model, batch)

    with monkeypatch.context() as patched:
        patched.setattr(keras.Model, "predict_on_batch", predict_on_batch)
        with pytest.raises(KeyboardInterrupt):
            extract()
    assert not Path("features/f").exists()
    again = extract()
    assert np.array_equal(again[0], maps)
    assert np.array_equal(again[1], pooled)


def test_a_backbone_without_maps_is_an_error_before_anything_is_written(extract):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
    save_model(model, Path("backbones/b/backbone.keras"))
    write_manifest(Path("backbones/b/backbone.keras"))
    with pytest.raises(InputError, match=r"^the backbone returns shape \(2, 3\)"):
        extract()
    assert not Path("features").exists()
    assert not Path(".checkpoints/features/f").exists()


@pytest.mark.parametrize("name", ["birds/images.npy", "backbones/b/backbone.keras"])
def test_a_file_that_its_stage_did_not_write_is_refused(extract, name):
    with Path(name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(InputError, match=rf"^{name} has sha256 "):
        extract()
    assert not Path(".checkpoints/features/f").exists()
