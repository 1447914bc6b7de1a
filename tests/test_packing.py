"""Labelled images are sorted by content and split; what could not be trained on is refused with counts."""

import json

import numpy as np
import pytest

from stages.datasets.labelled import LabelledImages
from stages.datasets.packing import pack, pixel_hash
from stages.runtime.errors import InputError
from stages.runtime.hashes import file_hash


def labelled(counts):
    """Images of noise; counts: per class so many outside and inside the test split."""
    labels = np.repeat(np.arange(len(counts)), [pool + test for pool, test in counts])
    is_test = np.concatenate([[False] * pool + [True] * test for pool, test in counts]).astype(bool)
    images = np.random.default_rng(0).integers(0, 256, (len(labels), 4, 4, 3), np.uint8)
    return LabelledImages(images, labels, is_test, [f"class {label}" for label in range(len(counts))])


def test_the_training_pool_comes_first_each_sorted_by_label_and_pixels(tmp_path):
    manifest = pack(tmp_path, labelled([(10, 3), (10, 2)]), share=0.2, seed=0)
    images, labels, split = (np.load(tmp_path / f"{name}.npy") for name in ("images", "labels", "split"))
    keys = [(s == 2, label, pixel_hash(image)) for s, label, image in zip(split, labels, images, strict=True)]
    assert keys == sorted(keys)
    assert manifest["counts"] == {"train": 16, "validation": 4, "test": 5, "left_out": 0, "classes": 2}


def test_another_order_gives_the_same_folder(tmp_path):
    found, manifests = labelled([(10, 3), (10, 2)]), []
    for name, order in (("first", np.arange(25)), ("second", np.random.default_rng(1).permutation(25))):
        (tmp_path / name).mkdir()
        shuffled = LabelledImages(
            found.images[order], found.labels[order], found.is_test[order], found.class_names
        )
        manifests.append(pack(tmp_path / name, shuffled, share=0.2, seed=0))
    assert manifests[0] == manifests[1]


def test_further_sizes_have_the_rows_of_the_dataset_and_its_own_size_is_no_second_copy(tmp_path):
    found = labelled([(10, 3), (10, 2)])
    marks = np.arange(25, dtype=np.uint8).reshape(25, 1, 1, 1)
    small = LabelledImages(
        found.images,
        found.labels,
        found.is_test,
        found.class_names,
        {2: marks.repeat(4).reshape(25, 2, 2, 1).repeat(3, axis=3)},
    )
    for name in ("own", "sizes"):
        (tmp_path / name).mkdir()
    pack(tmp_path / "own", small, share=0.2, seed=0, sizes=[2, 4], sizes_folder=tmp_path / "sizes")
    images, marks = np.load(tmp_path / "own/images.npy"), np.load(tmp_path / "sizes/2.npy")
    assert np.array_equal(found.images[marks[:, 0, 0, 0]], images)
    assert (tmp_path / "sizes/4.npy").samefile(tmp_path / "own/images.npy")
    assert json.loads((tmp_path / "sizes/manifest.json").read_text()) == {
        "sha256": {name: file_hash(tmp_path / "sizes" / name) for name in ("2.npy", "4.npy")}
    }


def test_no_further_size_is_a_manifest_alone_and_one_that_a_format_does_not_make_is_refused(tmp_path):
    for name in ("own", "sizes"):
        (tmp_path / name).mkdir()
    options = {"share": 0.2, "seed": 0, "sizes_folder": tmp_path / "sizes"}
    pack(tmp_path / "own", labelled([(10, 3), (10, 2)]), **options)
    assert [path.name for path in (tmp_path / "sizes").iterdir()] == ["manifest.json"]
    with pytest.raises(InputError, match=r"makes images of 4 pixels only, not of 9"):
        pack(tmp_path / "own", labelled([(10, 3), (10, 2)]), **options, sizes=[4, 9])


@pytest.mark.parametrize(
    ("counts", "share", "message"),
    [
        ([(20, 4), (20, 4)], 0.0, "validation_share: 0.0 leaves 40 train, 0 validation, 8 test images"),
        ([(20, 0), (20, 0)], 0.1, "validation_share: 0.1 leaves 36 train, 4 validation, 0 test images"),
        ([(1, 4), (1, 4)], 0.9, "validation_share: 0.9 leaves 2 train, 0 validation, 8 test images"),
    ],
)
def test_an_empty_split_is_refused_with_counts(tmp_path, counts, share, message):
    with pytest.raises(InputError) as caught:
        pack(tmp_path, labelled(counts), share=share, seed=0)
    assert str(caught.value).startswith(message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([(20, 4), (0, 4)], "class 'class 1' has no train image (18 train, 2 validation, 8 test images of"),
        ([(20, 4), (1, 4)], "class 'class 1' has no validation image (19 train, 2 validation, 8 test"),
        ([(20, 4), (20, 0), (9, 0)], "class 'class 1' has no test image, 'class 2' has no test image ("),
    ],
)
def test_a_class_that_a_split_lacks_is_refused_by_name(tmp_path, counts, message):
    with pytest.raises(InputError) as caught:
        pack(tmp_path, labelled(counts), share=0.1, seed=0)
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith("; add images, at least 3 different ones, or leave it out of `classes`")


def test_a_class_that_copies_alone_make_large_is_refused_with_the_number_of_copies(tmp_path):
    found = labelled([(20, 4), (10, 4)])
    found.images[24:34] = found.images[24]  # class 1 outside test: one image, ten times
    with pytest.raises(InputError) as caught:
        pack(tmp_path, found, share=0.1, seed=0)
    assert "class 'class 1' has no validation image" in str(caught.value)
    assert "9 are copies of others, which stay together" in str(caught.value)


def test_a_pool_whose_images_are_all_test_images_is_refused_with_their_number(tmp_path):
    found = labelled([(4, 4), (4, 4)])
    for start in (0, 8):
        found.images[start : start + 4] = found.images[start + 4 : start + 8]
    with pytest.raises(InputError) as caught:
        pack(tmp_path, found, share=0.1, seed=0)
    assert "leaves 0 train, 0 validation, 8 test" in str(caught.value)
    assert "8 are left out, as they are also test images" in str(caught.value)
