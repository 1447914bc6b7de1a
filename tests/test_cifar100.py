"""CIFAR-100's archive: layout, names, labels, scale, and what is wrong with it said in one line."""

import pickle

import numpy as np
import pytest
import python2_pickles
from small_archives import FINE_NAMES, cifar_batch, write_cifar100

from stages.datasets import cifar100
from stages.runtime.errors import InputError


def read(folder, *, classes=("0-3",), image_size=32, sizes=()):
    return cifar100.read(folder, classes=list(classes), image_size=image_size, scratch=folder, sizes=sizes)


def test_train_and_test_images_come_with_labels_and_names(tmp_path):
    write_cifar100(tmp_path)
    found = read(tmp_path)
    assert (found.images.shape, found.images.dtype, found.labels.dtype) == ((56, 32, 32, 3), "u1", "i8")
    assert np.bincount(found.labels[~found.is_test]).tolist() == [10] * 4
    assert np.bincount(found.labels[found.is_test]).tolist() == [4] * 4
    assert found.class_names == FINE_NAMES[:4]


def test_a_row_holds_red_green_and_blue_each_row_by_row(tmp_path):
    row = np.zeros((3, 32, 32), np.uint8)
    row[0, 1, 2], row[1, 3, 4], row[2, 5, 6] = 10, 20, 30
    write_cifar100(tmp_path, train={"data": row.reshape(1, 3072), "fine_labels": [0]})
    image = read(tmp_path).images[0]
    corners = (image[1, 2].tolist(), image[3, 4].tolist(), image[5, 6].tolist())
    assert corners == ([10, 0, 0], [0, 20, 0], [0, 0, 30])
    assert image.sum() == 60


def test_the_same_images_come_whichever_python_pickled_them(tmp_path):
    write_cifar100(tmp_path)
    expected = read(tmp_path)

    def as_python_2(part):
        texts = {key.encode(): item for key, item in part.items()}
        if b"fine_label_names" in texts:
            texts[b"fine_label_names"] = [name.encode() for name in FINE_NAMES]
        return python2_pickles.dumps(texts)

    for dumps in (as_python_2, lambda part: pickle.dumps(part, 2), lambda part: pickle.dumps(part, 5)):
        write_cifar100(tmp_path, dumps=dumps)
        found = read(tmp_path)
        assert np.array_equal(found.images, expected.images)
        assert np.array_equal(found.labels, expected.labels)
        assert found.class_names == expected.class_names


def test_labels_may_be_an_array(tmp_path):
    batch = cifar_batch(4, 10)
    write_cifar100(tmp_path, train=batch | {"fine_labels": np.array(batch["fine_labels"], np.int32)})
    assert np.bincount(read(tmp_path).labels).tolist() == [14] * 4


def test_chosen_classes_are_numbered_from_0_in_the_order_of_their_numbers(tmp_path):
    write_cifar100(tmp_path)
    every, some = read(tmp_path), read(tmp_path, classes=["class_03", 1])
    assert some.class_names == ["class_01", "class_03"]
    assert np.array_equal(some.images[some.labels == 1], every.images[every.labels == 3])
    assert np.array_equal(some.is_test[some.labels == 0], every.is_test[every.labels == 1])


def test_another_size_scales_the_images(tmp_path):
    write_cifar100(tmp_path, train={"data": np.full((1, 3072), 77, np.uint8), "fine_labels": [0]})
    scaled = read(tmp_path, image_size=16).images
    assert scaled.shape == (17, 16, 16, 3)
    assert (scaled[0] == 77).all()


def test_further_sizes_are_the_same_images(tmp_path):
    write_cifar100(tmp_path)
    found = read(tmp_path, sizes=[16, 32, 64])
    assert {size: images.shape[1] for size, images in found.further.items()} == {16: 16, 64: 64}
    assert np.array_equal(found.further[16], read(tmp_path, image_size=16).images)


@pytest.mark.parametrize("kind", [str, str.encode])
def test_names_that_are_not_ascii_are_read_as_utf_8(tmp_path, kind):
    names = [kind(name) for name in ["Äpfel", *FINE_NAMES[1:]]]
    write_cifar100(tmp_path, meta={"fine_label_names": names})
    assert read(tmp_path).class_names[0] == "Äpfel"


def test_names_in_another_encoding_are_an_error_that_shows_the_first(tmp_path):
    names = ["Äpfel".encode("latin-1"), *FINE_NAMES[1:]]
    write_cifar100(tmp_path, meta={"fine_label_names": names})
    with pytest.raises(InputError, match=r"meta: a class name is not UTF-8: b'\\xc4pfel'"):
        read(tmp_path)


GOOD = cifar_batch(1, 2)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"test": None}, "lacks 'cifar-100-python/test'; found 2 members: 'cifar-100-python/meta', "),
        ({"meta": {"x": 1}}, "meta has 0 different fine_label_names, expected 100"),
        ({"meta": {"fine_label_names": ["a"] * 100}}, "meta has 1 different fine_label_names, expected 100"),
        (
            {"train": {"fine_labels": [0]}},
            r"holds data object\[\] and 1 fine_labels, expected uint8\[n, 3072\]",
        ),
        ({"train": GOOD | {"data": GOOD["data"][:, 1:]}}, r"train holds data uint8\[2, 3071\]"),
        ({"train": GOOD | {"data": GOOD["data"] / 255}}, r"train holds data float64\[2, 3072\]"),
        ({"test": GOOD | {"fine_labels": [0]}}, r"test holds data uint8\[2, 3072\] and 1 fine_labels"),
        ({"train": GOOD | {"fine_labels": [0, 100]}}, "fine_labels other than whole numbers from 0 to 99"),
        ({"train": GOOD | {"fine_labels": [0, -1]}}, "fine_labels other than whole numbers from 0 to 99"),
        ({"train": GOOD | {"fine_labels": ["0", "1"]}}, "fine_labels other than whole numbers from 0 to 99"),
    ],
)
def test_an_archive_that_lacks_something_is_an_error_that_says_what_was_found(tmp_path, change, problem):
    write_cifar100(tmp_path, **change)
    with pytest.raises(InputError, match=problem):
        read(tmp_path)
