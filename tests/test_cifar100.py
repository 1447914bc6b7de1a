"""CIFAR-100's archive: layout, validation, choice of classes."""

import numpy as np
import pytest

from stages.datasets import cifar100, python2_pickles
from stages.datasets.examples import select_classes
from stages.datasets.generated import FINE_NAMES, write_cifar100, write_tar
from stages.errors import InputError

COUNTS = {"train": 4, "test": 2}


@pytest.fixture
def folder(tmp_path):
    """An archive of classes 0 to 4, four training and two test images each."""
    write_cifar100(tmp_path / cifar100.ARCHIVE, seed=0, n_classes=5, counts=COUNTS)
    return tmp_path


NAMES = [name.encode() for name in FINE_NAMES]
META = {b"fine_label_names": NAMES}
BATCH = {b"data": np.zeros((2, 3072), np.uint8), b"fine_labels": [0, 1]}


def write(folder, *, meta=META, train=BATCH, test=BATCH):
    parts = {"meta": meta, "train": train, "test": test}
    contents = {
        f"cifar-100-python/{name}": python2_pickles.dumps(part) for name, part in parts.items() if part
    }
    write_tar(folder / cifar100.ARCHIVE, contents)


def test_train_and_test_images_come_with_labels_and_names(folder):
    examples = cifar100.read(folder, classes=["0-4"])
    assert (examples.images.shape, examples.images.dtype) == ((30, 32, 32, 3), np.uint8)
    assert examples.labels.dtype == np.int64
    assert np.bincount(examples.labels[~examples.is_test]).tolist() == [4] * 5
    assert np.bincount(examples.labels[examples.is_test]).tolist() == [2] * 5
    assert examples.class_names == ["apple", "aquarium_fish", "baby", "bear", "beaver"]


def test_a_row_holds_red_green_and_blue_each_row_by_row(tmp_path):
    row = np.zeros((3, 32, 32), np.uint8)
    row[0, 1, 2], row[1, 3, 4], row[2, 5, 6] = 10, 20, 30
    write(tmp_path, train={b"data": row.reshape(1, 3072), b"fine_labels": [0]})
    image = cifar100.read(tmp_path, classes=[0]).images[0]
    assert (image[1, 2].tolist(), image[3, 4].tolist(), image[5, 6].tolist()) == (
        [10, 0, 0],
        [0, 20, 0],
        [0, 0, 30],
    )
    assert image.sum() == 60


def test_chosen_classes_are_numbered_anew_in_the_order_of_their_numbers(folder):
    every, some = (cifar100.read(folder, classes=classes) for classes in (["0-4"], ["beaver", 1]))
    assert some.class_names == ["aquarium_fish", "beaver"]
    assert np.array_equal(some.images[some.labels == 1], every.images[every.labels == 4])
    assert np.array_equal(some.is_test[some.labels == 0], every.is_test[every.labels == 1])


def test_another_size_scales_the_pictures(folder):
    images, scaled = (cifar100.read(folder, classes=[0], image_size=size).images for size in (32, 16))
    assert scaled.shape == (6, 16, 16, 3)
    coarse = images.reshape(6, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    assert abs(scaled - coarse).mean() < 10


def test_a_class_without_images_is_an_error_that_says_which_have_some(folder):
    with pytest.raises(InputError) as caught:
        cifar100.read(folder, classes=["2-9"])
    assert str(caught.value) == (
        "classes: no images of 5 (bed), 6 (bee), 7 (beetle) and 2 more in the archive; it has 0-4"
    )


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ([3, 1], [1, 3]),
        (["0-2", "worm"], [0, 1, 2, 99]),
        (["aquarium fish", "5"], [1, 5]),
        (["all"], list(range(100))),
    ],
)
def test_classes_are_chosen_by_number_range_name_or_all(chosen, numbers):
    assert select_classes(chosen, FINE_NAMES) == numbers


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (["appel"], "[0] is 'appel', expected a class of the archive. Did you mean 'apple'?"),
        (["zzz"], "[0] is 'zzz', expected a class of the archive. They go from 'apple' to 'worm'"),
        ([100], "[0] is 100, expected numbers from 0 to 99, the smaller one first"),
        (["90-100"], "[0] is '90-100', expected numbers from 0 to 99, the smaller one first"),
        (["5-3"], "[0] is '5-3', expected numbers from 0 to 99, the smaller one first"),
        (["0-4", "bear"], "[1] is 'bear', but '0-4' chooses 3 already"),
        ([5, "all"], "[1] is 'all', but 5 chooses 5 already"),
        ([-1], "[0] is -1, expected a number, a range such as 0-24, or a name"),
        ([True], "[0] is True, expected a number, a range such as 0-24, or a name"),
        ([1.0], "[0] is 1.0, expected a number, a range such as 0-24, or a name"),
        ([], " is [], expected a list such as [all], [0-24] or [apple, bear]"),
        ("all", " is 'all', expected a list such as [all], [0-24] or [apple, bear]"),
    ],
)
def test_a_choice_that_is_none_is_an_error(chosen, message):
    with pytest.raises(InputError) as caught:
        select_classes(chosen, FINE_NAMES)
    assert str(caught.value) == f"classes{message}"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"test": None}, "lacks cifar-100-python/test; expected meta, train, test"),
        ({"meta": {b"x": 1}}, "meta has no list of 100 fine_label_names"),
        ({"meta": {b"fine_label_names": [b"a"] * 99}}, "meta has no list of 100 fine_label_names"),
        ({"meta": {b"fine_label_names": [b"a"] * 100}}, "meta has no list of 100 fine_label_names"),
        ({"meta": {b"fine_label_names": [*NAMES[:99], b" "]}}, "meta has no list of 100 fine_label_names"),
        ({"meta": {b"fine_label_names": [*NAMES[:99], 7]}}, "meta has no list of 100 fine_label_names"),
        ({"meta": {b"fine_label_names": [*NAMES[:99], b"\x1b[2J"]}}, "meta has no list of 100 fine_label_"),
        ({"meta": {b"fine_label_names": b"a" * 100}}, "meta has no list of 100 fine_label_names"),
        ({"train": BATCH | {b"fine_labels": [0, -1]}}, "train has the label -1, expected 0 to 99"),
        (
            {"train": BATCH | {b"fine_labels": [0, b"x" * 99_999]}},
            r"the label b'x{9,15}\.\.\.x{9,15}', expected",
        ),
        ({"train": BATCH | {b"fine_labels": b"01"}}, "train has no `fine_labels` for its 2 images"),
        ({"train": {b"fine_labels": [0]}}, "train has no `data`"),
        ({"train": BATCH | {b"data": np.zeros((2, 3071), np.uint8)}}, "train has no `data`"),
        ({"train": BATCH | {b"data": b"12"}}, "train has no `data`"),
        ({"train": {b"data": BATCH[b"data"]}}, "train has no `fine_labels` for its 2 images"),
        ({"test": BATCH | {b"fine_labels": [0]}}, "test has no `fine_labels` for its 2 images"),
        ({"train": BATCH | {b"fine_labels": [0, 100]}}, "train has the label 100, expected 0 to 99"),
        ({"train": BATCH | {b"fine_labels": [b"0", 1]}}, "train has the label b'0', expected 0 to 99"),
    ],
)
def test_a_spoilt_archive_is_an_error(tmp_path, change, problem):
    write(tmp_path, **change)
    with pytest.raises(InputError, match=problem):
        cifar100.read(tmp_path, classes=[0, 1])
