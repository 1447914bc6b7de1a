"""The folder of a prepared dataset: what is written is what is read, and nothing else is accepted."""

import hashlib
import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from stages.datasets import packing, prepared
from stages.datasets.labelled import LabelledImages
from stages.datasets.prepared import SPLITS
from stages.runtime.errors import InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 4, 4, 3), np.uint8)
LABELS = np.arange(10) % 2
SPLIT = np.array([0, 0, 3, 0, 1, 1, 0, 2, 2, 2], np.uint8)
ORDER = np.array([3, 1, 2, 0, 4, 5, 6, 9, 8, 7])

COUNTS = {"train": 4, "validation": 2, "test": 3, "left_out": 1, "classes": 2}


@pytest.fixture
def folder(tmp_path):
    """Ten images of two classes: 4 train, 2 validation, 3 test, 1 left out."""
    labelled = LabelledImages(IMAGES, LABELS, SPLIT == 2, ["ant", "Äffin"])
    packing.write(tmp_path, labelled, order=ORDER, split=SPLIT, duplicates={"within_pool": 0}, resize="pad")
    return tmp_path


def test_what_was_written_is_read_in_the_given_order(folder):
    data = prepared.read(folder)
    assert isinstance(data.inputs, np.memmap)
    assert np.array_equal(data.inputs, IMAGES[ORDER])
    assert data.labels.tolist() == LABELS[ORDER].tolist()
    assert (data.inputs.dtype, data.labels.dtype, data.split.dtype) == ("u1", "i8", "u1")
    assert data.class_names == ["ant", "Äffin"]
    assert data.counts == COUNTS
    assert (data.image_size, data.resize) == (4, "pad")
    with pytest.raises(FrozenInstanceError):
        data.labels = None


def test_images_of_any_memory_layout_are_written_as_rows_of_pixels(tmp_path, folder):
    other = tmp_path / "other"
    other.mkdir()
    turned = np.asfortranarray(IMAGES.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    labelled = LabelledImages(turned, LABELS, SPLIT == 2, ["ant", "Äffin"])
    packing.write(other, labelled, order=ORDER, split=SPLIT, duplicates={"within_pool": 0})
    assert (other / "images.npy").read_bytes() == (folder / "images.npy").read_bytes()
    np.save(other / "as_numpy.npy", IMAGES[ORDER])
    assert (other / "images.npy").read_bytes() == (other / "as_numpy.npy").read_bytes()


def test_splits_are_rows_in_ascending_order_and_what_is_left_out_is_in_none(folder):
    rows = {name: prepared.read(folder).rows(name).tolist() for name in SPLITS}
    assert rows == {"train": [0, 1, 3, 6], "validation": [4, 5], "test": [7, 8, 9]}


def test_the_manifest_is_a_function_of_what_is_in_the_folder(folder):
    files = ("class_names.json", "images.npy", "labels.npy", "split.npy")
    assert json.loads((folder / "manifest.json").read_text()) == {
        "counts": COUNTS,
        "duplicates": {"within_pool": 0},
        "image_size": 4,
        "resize": "pad",
        "sha256": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files},
    }


@pytest.fixture
def features(folder):
    (folder / "features").mkdir()
    np.save(folder / "features/pooled.npy", np.ones((10, 5), np.float16))
    digest = hashlib.sha256((folder / "features/pooled.npy").read_bytes()).hexdigest()
    (folder / "features/manifest.json").write_text(
        json.dumps({"image_size": 448, "sha256": {"pooled.npy": digest}})
    )
    return folder / "features/pooled.npy"


def test_cached_features_take_the_place_of_images_which_need_not_be_there(folder, features):
    (folder / "images.npy").unlink()
    data = prepared.read(folder, features)
    assert isinstance(data.inputs, np.memmap)
    assert (data.inputs.shape, data.inputs.dtype) == ((10, 5), np.float16)
    assert (data.image_size, data.resize) == (448, "pad")
    assert sorted(data.hashes) == ["class_names.json", "labels.npy", "pooled.npy", "split.npy"]


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "split.npy", "class_names.json"])
def test_a_file_that_its_stage_did_not_write_is_refused(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[-4] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        prepared.read(folder)


def test_two_class_names_swapped_in_place_are_refused(folder):
    (folder / "class_names.json").write_text(
        json.dumps(["Äffin", "ant"], indent=2, ensure_ascii=False) + "\n"
    )
    with pytest.raises(InputError, match=r"class_names\.json"):
        prepared.read(folder)


def test_features_that_their_stage_did_not_write_are_refused(folder, features):
    np.save(features, np.zeros((10, 5), np.float16))
    with pytest.raises(InputError, match=r"pooled\.npy"):
        prepared.read(folder, features)
