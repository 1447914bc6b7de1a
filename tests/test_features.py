"""Extraction of features resumes where it was interrupted, to the same bytes, and only for equal inputs."""

import json

import numpy as np
import pytest

from stages.demo import small_backbone
from stages.runtime.errors import InputError
from stages.training import features

pytestmark = pytest.mark.usefixtures("keras_configured")

SHAPE = (2, 2, 2048)


class InterruptionError(Exception):
    """What stands for a kill."""


@pytest.fixture(scope="module")
def backbone(keras_configured):
    return small_backbone.build()


@pytest.fixture
def images(tmp_path):
    """A file of eleven images of 16x16."""
    path = tmp_path / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (11, 16, 16, 3)).astype(np.uint8))
    return path


@pytest.fixture
def extract(backbone, images, tmp_path):
    """A function that extracts in batches of four into a folder, and returns the bytes of both arrays."""

    def extract(name, inputs):
        folder = tmp_path / name
        features.extract(backbone, images, SHAPE, folder, batch_size=4, inputs=inputs)
        return [(folder / f"{array}.npy").read_bytes() for array in ("maps", "pooled")]

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

    monkeypatch.setattr(features, "write_json", write_two)
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
@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_damaged_features_are_made_from_scratch(extract, interrupted, tmp_path, name, content):
    path = tmp_path / interrupted / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    whole = extract("whole", ["images", "backbone"])
    assert extract(interrupted, ["images", "backbone"]) == whole


def test_features_too_large_for_half_precision_are_an_error(images, tmp_path):
    import keras

    inputs = keras.Input((None, None, 3))
    large = keras.Model(inputs, keras.layers.Rescaling(1000.0)(inputs))
    with pytest.raises(InputError, match="expected at most 65504, the largest float16; scale"):
        features.extract(large, images, (16, 16, 3), tmp_path / "features", batch_size=4)
