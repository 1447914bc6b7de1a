"""Cached features: what is asked for, in the order of the images, whatever the batches; what is refused."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from stages import cache_features
from stages.demo import small_backbone
from stages.networks import views
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
    """A function that runs the command with knobs; returns the arrays by name."""
    monkeypatch.chdir(tmp_path)
    for folder in ("images/birds", "backbones/b"):
        Path(folder).mkdir(parents=True)
    np.save("images/birds/16.npy", images)
    save_model(backbone, Path("backbones/b/backbone.keras"))
    write_manifest(Path("images/birds/16.npy"))
    write_manifest(Path("backbones/b/backbone.keras"))

    def extract(**knobs):
        uses = ["average", "max", "gem"] if "pooling" in knobs else ["average"]
        knobs = {"threads": 2, "batch_size": 4} | knobs
        uses = tuple(f"stages.pooling.{name}" for name in uses)
        resolved.write(Path("f.json"), "cache_features", knobs, uses)
        cache_features.main(["f.json", "images/birds/16.npy", "backbones/b/backbone.keras", "features/f"])
        return {path.stem: np.load(path) for path in sorted(Path("features/f").glob("*.npy"))}

    return extract


def computed(model, images, layer="conv5_relu"):
    model = keras.Model(model.inputs[0], model.get_layer(layer).output)
    return model.predict_on_batch(images.astype(np.float32))


def test_without_knobs_it_is_the_output_and_its_average_in_the_order_of_the_images(
    extract, backbone, images, capsys
):
    found = extract()
    assert {name: (array.shape, array.dtype) for name, array in found.items()} == {
        "maps": ((11, 1, 2, 2, 2048), np.float16),
        "pooled": ((11, 1, 2048), np.float32),
    }
    expected = computed(backbone, images)
    assert np.allclose(found["maps"][:, 0], expected, rtol=1e-3, atol=1e-4)
    assert np.allclose(found["pooled"][:, 0], expected.mean(axis=(1, 2)), rtol=1e-5, atol=1e-5)
    assert len(np.unique(found["pooled"].sum(axis=(1, 2)))) == 11  # all differ, so the order shows
    assert capsys.readouterr().out.endswith(
        "features/f: 11 images, maps of 1 x 2 x 2 x 2048, pooled of 1 x 2048\n"
    )


def test_the_manifest_says_how_they_were_made_and_all_hashes(extract):
    found = extract(layers=["conv3_relu"], pooling=["max", {"gem": 3.0}], views={"mirror": True})
    manifest = json.loads(Path("features/f/manifest.json").read_text())
    files = [Path("features/f/maps.npy"), Path("features/f/pooled.npy"), Path("backbones/b/backbone.keras")]
    assert manifest == {
        "images": 11,
        "image_size": 16,
        "layers": ["conv3_relu"],
        "pooling": ["max", {"gem": 3.0}],
        "views": {"mirror": True},
        "shapes": {name: list(array.shape[1:]) for name, array in found.items()},
        "backbone": "backbones/b/backbone.keras",
        "sha256": {path.name: file_hash(path) for path in files},
    }


def test_layers_and_poolings_are_side_by_side_and_maps_are_left_out_where_nobody_asks(
    extract, backbone, images
):
    found = extract(layers=["conv2_relu", "conv3_relu"], pooling=["average", "max"], maps=False)
    assert list(found) == ["pooled"]
    expected = []
    for layer in ("conv2_relu", "conv3_relu"):
        maps = computed(backbone, images, layer)
        expected += [maps.mean(axis=(1, 2)), maps.max(axis=(1, 2))]
    assert np.allclose(found["pooled"][:, 0], np.concatenate(expected, axis=1), rtol=1e-4, atol=1e-4)
    assert list(extract(pooling=[])) == ["maps"]


def test_each_view_is_a_row_of_its_own(extract, backbone, images):
    found = extract(views={"mirror": True, "shift": 2}, maps=False)["pooled"]
    assert found.shape == (11, 10, 2048)
    for place, view in enumerate(views.views(mirror=True, shift=2)):
        seen = np.asarray(views.seen(images.astype(np.float32), view))
        assert np.allclose(found[:, place], computed(backbone, seen).mean(axis=(1, 2)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"layers": ["conv9"]}, r"^layers: the backbone has no layer 'conv9', expected such as the ends"),
        ({"views": {"shift": 16}}, r"^views: received a shift of 16 pixels on images of 16 x 16"),
        ({"maps": False, "pooling": []}, r"^features: received maps: false, pooling: \[\], expected one"),
        (
            {"layers": ["conv2_relu", "conv3_relu"]},
            r"^features: received maps: true and 2 layers, expected one",
        ),
    ],
)
def test_knobs_that_cannot_be_met_are_refused_before_anything_is_written(extract, knobs, message):
    with pytest.raises(InputError, match=message) as caught:
        extract(**knobs)
    assert len(str(caught.value).splitlines()) == 1
    assert not Path("features").exists()
    assert not Path(".checkpoints/features/f").exists()


@pytest.mark.parametrize("name", ["images/birds/16.npy", "backbones/b/backbone.keras"])
def test_a_file_that_its_stage_did_not_write_is_refused(extract, name):
    with Path(name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(InputError, match=rf"^{name} has sha256 "):
        extract()
    assert not Path(".checkpoints/features/f").exists()
