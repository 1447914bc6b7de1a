"""The backbone as a stage: from one file of weights, with its provenance."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from stages import build_backbone
from stages.backbones import keras_file
from stages.demo import small_backbone
from stages.runtime import resolved
from stages.runtime.errors import InputError
from stages.runtime.hashes import check_files, file_hash
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A function that builds from what a knob `from` names."""
    monkeypatch.chdir(tmp_path)
    Path("archives").mkdir()
    save_model(small_backbone.build(), Path("archives/own.keras"))

    def build(source="archives", **knobs):
        knobs = {"format": "keras_file", "from": source} | knobs
        resolved.write(Path("b.json"), "build_backbone", knobs, ("stages.backbones.keras_file",))
        build_backbone.main(["b.json", "backbones/b", "provenance/b.json"])
        return json.loads(Path("provenance/b.json").read_text())

    return build


def fetched(kind):
    entry = {"own.keras": {"kind": kind, "sha256": file_hash(Path("archives/own.keras"))}}
    Path("archives/provenance.json").write_text(json.dumps(entry))


@pytest.mark.parametrize("knobs", [{}, {"format": "application", "application": "ResNet50"}], ids=str)
def test_a_downloaded_model_becomes_the_backbone_with_its_provenance(build, knobs, capsys):
    fetched("stand-in")
    provenance = build(**knobs)
    assert (provenance["kind"], list(provenance["sources"])) == ("stand-in", ["own.keras"])
    assert sorted(path.name for path in Path("backbones/b").iterdir()) == ["backbone.keras", "manifest.json"]
    manifest = json.loads(Path("backbones/b/manifest.json").read_text())
    check_files(Path("backbones/b"), manifest["sha256"])
    images = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype(np.float32)
    models = (keras_file.load(Path(path)) for path in ("archives/own.keras", "backbones/b/backbone.keras"))
    first, second = (keras.ops.convert_to_numpy(model(images, training=False)) for model in models)
    assert np.array_equal(first, second)
    assert capsys.readouterr().out.endswith("parameters from own.keras, stand-in data\n")


@pytest.mark.parametrize("source", ["archives", "archives/own.keras"])
def test_a_file_of_ones_own_is_said_to_be_own(build, source):
    Path("archives/.DS_Store").write_bytes(b"")
    assert build(source)["kind"] == "own"


def test_a_model_that_returns_a_list_of_one_becomes_one_that_returns_the_maps(build):
    model = small_backbone.build()
    save_model(keras.Model(model.inputs[0], [model.outputs[0]]), Path("archives/own.keras"))
    build()
    assert keras_file.load(Path("backbones/b/backbone.keras")).output.shape == model.outputs[0].shape


def test_a_folder_of_several_files_or_none_is_refused(build):
    Path("archives/b.h5").write_bytes(b"")
    with pytest.raises(InputError, match=r"archives holds b.h5, own.keras, expected one file of weights"):
        build()
    Path("empty").mkdir()
    with pytest.raises(InputError, match="empty holds nothing, expected one file of weights"):
        build("empty")
