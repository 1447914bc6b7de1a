"""Labelled images are sorted by content and split; what could not be trained on is refused with counts."""

import numpy as np
import pytest

from stages.datasets.packing import pack, pixel_hash
from stages.datasets.prepared import LabelledImages
from stages.runtime.errors import InputError


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
    assert manifest["counts"] == {"train": 16, "validation": 4, "test": 5, "classes": 2}


def test_another_order_gives_the_same_folder(tmp_path):
    found, manifests = labelled([(10, 3), (10, 2)]), []
    for name, order in (("first", np.arange(25)), ("second", np.random.default_rng(1).permutation(25))):
        (tmp_path / name).mkdir()
        shuffled = LabelledImages(
            found.images[order], found.labels[order], found.is_test[order], found.class_names
        )
        manifests.append(pack(tmp_path / name, shuffled, share=0.2, seed=0))
    assert manifests[0] == manifests[1]


@pytest.mark.parametrize(
    ("counts", "share", "message"),
    [
        ([(20, 4), (20, 4)], 0.001, "validation_share: 0.001 leaves 40 train, 0 validation, 8 test images"),
        ([(20, 4), (20, 4)], 0.0, "validation_share: 0.0 leaves 40 train, 0 validation, 8 test images"),
        ([(20, 0), (20, 0)], 0.1, "validation_share: 0.1 leaves 36 train, 4 validation, 0 test images"),
        ([(1, 4), (1, 4)], 0.9, "validation_share: 0.9 leaves 0 train, 2 validation, 8 test images"),
    ],
)
def test_an_empty_split_is_refused_with_counts(tmp_path, counts, share, message):
    with pytest.raises(InputError) as caught:
        pack(tmp_path, labelled(counts), share=share, seed=0)
    assert str(caught.value).startswith(message)
    assert list(tmp_path.iterdir()) == []


def test_a_class_without_an_image_to_train_on_is_refused_by_name(tmp_path):
    with pytest.raises(InputError) as caught:
        pack(tmp_path, labelled([(20, 4), (0, 4)]), share=0.1, seed=0)
    assert str(caught.value) == (
        "class 'class 1' has no image to train on (18 train, 2 validation, 8 test images of 2 classes,"
        " 1 without); add images, or leave it out of `classes`"
    )
