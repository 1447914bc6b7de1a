"""Extraction of features resumes where it was interrupted, to the same bytes, and only for equal inputs."""

import json

import keras
import numpy as np
import pytest

from stages.demo import small_backbone
from stages.features import extraction, pooled_maps
from stages.networks import views
from stages.runtime.errors import InputError

pytestmark = pytest.mark.usefixtures("keras_configured")

BOTH = ("maps", "pooled")


class InterruptionError(Exception):
    """What stands for a kill."""


@pytest.fixture(scope="module")
def model(keras_configured):
    """A backbone of two layers' maps, of which one is pooled too."""
    backbone = small_backbone.build()
    maps, pooled = pooled_maps.maps(backbone, ["conv4_relu"])[0], pooled_maps.pooled(backbone, ["conv3_relu"])
    return keras.Model(backbone.inputs[0], {"maps": maps, "pooled": pooled})


@pytest.fixture
def images(tmp_path):
    """A file of eleven images of 16x16."""
    path = tmp_path / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (11, 16, 16, 3)).astype(np.uint8))
    return path


@pytest.fixture
def extract(model, images, tmp_path):
    """A function that extracts two views in batches of four, and returns the bytes of both arrays."""

    def extract(name, inputs):
        folder, looks = tmp_path / name, views.views(mirror=True)
        shapes = extraction.extract(model, images, folder, batch_size=4, looks=looks, inputs=inputs)
        assert shapes == {"maps": [2, 2, 2, 128], "pooled": [2, 64]}
        return [(folder / f"{array}.npy").read_bytes() for array in BOTH]

    return extract


@pytest.fixture
def interrupted(extract, monkeypatch):
    """The name of a folder whose extraction broke off between its second batch and that batch's record."""
    records = []

    def write_two(path, record):
        if len(records) == 1:
            raise InterruptionError
        records.append(record)
        path.write_text(json.dumps(record))

    monkeypatch.setattr(extraction, "write_json", write_two)
    with pytest.raises(InterruptionError):
        extract("interrupted", ["images", "backbone"])
    monkeypatch.undo()
    return "interrupted"


def test_an_interrupted_extraction_resumes_to_the_same_bytes(extract, interrupted, capsys):
    whole = extract("whole", ["images", "backbone"])
    capsys.readouterr()
    assert extract(interrupted, ["images", "backbone"]) == whole
    assert capsys.readouterr().out == "features: resuming after image 4\n"


def test_unfinished_features_of_other_inputs_are_made_from_scratch(extract, interrupted, capsys):
    whole = extract("whole", ["other images", "backbone"])
    assert extract(interrupted, ["other images", "backbone"]) == whole
    assert "resuming" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["done.json", "maps.npy", "pooled.npy"])
@pytest.mark.parametrize("content", [None, b"{}"])
def test_damaged_features_are_made_from_scratch(extract, interrupted, tmp_path, name, content):
    path = tmp_path / interrupted / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    whole = extract("whole", ["images", "backbone"])
    assert extract(interrupted, ["images", "backbone"]) == whole


def test_the_last_batch_after_an_interruption_ends_in_the_same_bytes(extract, interrupted, tmp_path):
    whole = extract("whole", ["images", "backbone"])
    record = tmp_path / interrupted / "done.json"
    for name in BOTH:  # all is there but the last three images
        (tmp_path / interrupted / f"{name}.npy").write_bytes((tmp_path / f"whole/{name}.npy").read_bytes())
        array = np.lib.format.open_memmap(tmp_path / interrupted / f"{name}.npy", "r+")
        array[8:] = 0
        array.flush()
    record.write_text(json.dumps({"inputs": ["images", "backbone"], "images": 8}))
    assert extract(interrupted, ["images", "backbone"]) == whole


@pytest.mark.parametrize(
    ("output", "scale", "message"),
    [
        ("maps", 1000.0, "expected at most 65504, the largest float16; scale"),
        ("pooled", 1e38, "expected finite numbers; scale"),
    ],
)
def test_features_that_their_numbers_cannot_hold_are_an_error(images, tmp_path, output, scale, message):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(scale)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x) if output == "pooled" else x
    large = keras.Model(inputs, {output: x})
    with pytest.raises(InputError, match=message):
        extraction.extract(large, images, tmp_path / "features", batch_size=4)
