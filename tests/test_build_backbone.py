"""The backbone as a stage: from one file of weights that is still the one that was fetched."""

import json
import sys

import numpy as np
import pytest

from benchmarks.studies import hashes
from stages import build_backbone
from stages.errors import InputError
from stages.networks import resnet50, small_backbone
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A function that builds from a fetched small backbone."""
    archives = tmp_path / "archives"
    archives.mkdir()
    save_model(small_backbone.build(), archives / "own.keras")
    provenance = {"own.keras": {"kind": "stand-in", "sha256": hashes(archives)["own.keras"]}}
    (archives / "provenance.json").write_text(json.dumps(provenance))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["build_backbone", "archives", "backbone"])
    return build_backbone.main


def test_a_fetched_model_becomes_the_backbone_with_its_provenance(build, tmp_path, capsys):
    build()
    assert sorted(path.name for path in (tmp_path / "backbone").iterdir()) == [
        "backbone.keras",
        "provenance.json",
    ]
    first, second = (resnet50.from_model_file(path) for path in sorted(tmp_path.rglob("*.keras")))
    pictures = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype(np.float32)
    assert np.array_equal(first.predict_on_batch(pictures), second.predict_on_batch(pictures))
    assert capsys.readouterr().out.endswith("parameters from own.keras, stand-in\n")


def test_weights_that_changed_since_they_were_fetched_are_refused(build, tmp_path):
    with (tmp_path / "archives/own.keras").open("ab") as file:
        file.write(b"\n")  # which a reader of zip files would not mind
    with pytest.raises(InputError, match=r"^archives/own.keras has sha256 "):
        build()
    assert not (tmp_path / "backbone").exists()


def test_two_files_of_weights_are_refused(build, tmp_path):
    (tmp_path / "archives/provenance.json").write_text('{"a.h5": {}, "b.h5": {}}')
    with pytest.raises(InputError, match=r"holds \['a.h5', 'b.h5'\], expected one file of weights"):
        build()
