"""A prepared dataset opened: sets, memory maps, provenance, and the statistics of its training images."""

import hashlib
import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from stages.errors import InputError
from stages.sets import SETS
from stages.training import examples


def test_a_prepared_folder_is_opened_without_reading_its_pictures(prepared):
    data = examples.load(prepared)
    assert isinstance(data.inputs, np.memmap)
    assert (data.inputs.shape, data.inputs.dtype) == ((40, 16, 16, 3), np.uint8)
    assert data.class_names == ["ant", "bee", "cow"]
    assert data.labels.tolist() == np.load(prepared / "labels.npy").tolist()
    with pytest.raises(FrozenInstanceError):
        data.labels = None


def test_sets_are_rows_in_ascending_order_and_share_none(tiny_examples):
    rows = {name: tiny_examples.rows(name) for name in SETS}
    assert {name: len(found) for name, found in rows.items()} == {"train": 24, "validation": 8, "test": 8}
    assert rows["train"][:4].tolist() == [0, 1, 3, 5]
    assert rows["validation"][:3].tolist() == [2, 7, 12]
    assert rows["test"][:3].tolist() == [4, 9, 14]
    assert sorted(np.concatenate(list(rows.values()))) == list(range(40))


def test_cached_features_take_the_place_of_pictures(prepared, tmp_path):
    np.save(tmp_path / "pooled.npy", np.ones((40, 5), np.float16))
    digest = hashlib.sha256((tmp_path / "pooled.npy").read_bytes()).hexdigest()
    (tmp_path / "manifest.json").write_text(json.dumps({"sha256": {"pooled.npy": digest}}))
    data = examples.load(prepared, tmp_path / "pooled.npy")
    assert isinstance(data.inputs, np.memmap)
    assert (data.inputs.shape, data.inputs.dtype) == ((40, 5), np.float16)
    assert data.manifest["inputs"] == {"pooled.npy": digest}  # so that a checkpoint depends on them


@pytest.mark.parametrize(
    ("images", "backbone", "expected"),
    [
        ("official", None, "official"),
        ("stand-in", None, "stand-in"),
        ("official", "official", "official"),
        ("official", "stand-in", "stand-in"),
        ("stand-in", "official", "stand-in"),
    ],
)
def test_one_stand_in_makes_all_a_stand_in(prepared, tmp_path, images, backbone, expected):
    manifest = json.loads((prepared / "manifest.json").read_text())
    manifest["sources"]["archive.tgz"]["kind"] = images
    (prepared / "manifest.json").write_text(json.dumps(manifest))
    provenance = {"weights.h5": {"kind": backbone, "sha256": "3" * 64}}
    (tmp_path / "provenance.json").write_text(json.dumps(provenance))
    data = examples.load(prepared, backbone=tmp_path if backbone else None)
    assert data.manifest["provenance"] == expected
    assert set(data.manifest["sources"]) == {"archive.tgz"} | ({"weights.h5"} if backbone else set())
    assert json.loads((prepared / "manifest.json").read_text()) == manifest


def test_statistics_are_those_of_the_training_images_alone(tiny_examples):
    statistics = examples.channel_statistics(tiny_examples)
    train = np.asarray(tiny_examples.inputs)[tiny_examples.split == 0] / 255
    for channel in range(3):
        assert statistics["mean"][channel] == pytest.approx(train[..., channel].mean(), abs=1e-12)
        assert statistics["deviation"][channel] == pytest.approx(train[..., channel].std(), abs=1e-12)
    everything = np.asarray(tiny_examples.inputs) / 255
    assert statistics["mean"][0] != pytest.approx(everything[..., 0].mean(), abs=1e-12)
    assert json.loads(json.dumps(statistics)) == statistics


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "split.npy"])
def test_an_array_that_its_stage_did_not_write_is_refused(prepared, name):
    content = bytearray((prepared / name).read_bytes())
    content[-1] ^= 1
    (prepared / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name} has sha256 .*, its stage wrote .*verify --repair"):
        examples.load(prepared)


def test_features_that_their_stage_did_not_write_are_refused(prepared, tmp_path):
    np.save(tmp_path / "pooled.npy", np.ones((40, 5), np.float32))
    (tmp_path / "manifest.json").write_text(json.dumps({"sha256": {"pooled.npy": "0" * 64}}))
    with pytest.raises(InputError, match=r"pooled.npy has sha256 .*, its stage wrote 000000000000"):
        examples.load(prepared, tmp_path / "pooled.npy")
