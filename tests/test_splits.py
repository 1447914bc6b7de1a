"""Validation images: exact numbers, every class alike, nothing that leaks, whatever the order."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets.prepared import TEST, TRAIN, VALIDATION
from stages.datasets.splits import duplicates, split
from stages.runtime.errors import InputError


def images_of(n_classes, *, pool, test):
    """Labels, distinct hashes and the test mask of so many images a class."""
    labels = np.repeat(np.arange(n_classes), pool + test)
    hashes = [f"{index:064x}" for index in range(len(labels))]
    return labels, hashes, np.arange(len(labels)) % (pool + test) >= pool


@pytest.mark.parametrize(
    ("n_classes", "pool", "test", "validation"),
    [(25, 500, 100, 1250), (200, 15, 15, 300), (3, 5, 1, 2), (7, 1, 1, 1)],
)
def test_a_tenth_of_the_training_images_validates_in_every_class_alike(n_classes, pool, test, validation):
    labels, hashes, is_test = images_of(n_classes, pool=pool, test=test)
    chosen = split(labels, hashes, is_test, share=0.1, seed=0)
    assert chosen.dtype == np.uint8
    assert (chosen == VALIDATION).sum() == validation
    assert np.array_equal(chosen == TEST, is_test)
    per_class = np.bincount(labels[chosen == VALIDATION], minlength=n_classes)
    assert {int(count) for count in per_class} <= {int(0.1 * pool), int(0.1 * pool) + 1}


def test_the_choice_depends_on_content_and_seed_alone():
    labels, hashes, is_test = images_of(5, pool=20, test=4)
    chosen = split(labels, hashes, is_test, share=0.1, seed=0)
    for shuffle in range(5):
        order = np.random.default_rng(shuffle).permutation(len(labels))
        shuffled = split(labels[order], [hashes[index] for index in order], is_test[order], share=0.1, seed=0)
        assert np.array_equal(shuffled, chosen[order])
    assert not np.array_equal(split(labels, hashes, is_test, share=0.1, seed=1), chosen)


def test_classes_that_get_one_more_are_drawn_from_the_seed():
    labels, hashes, is_test = images_of(20, pool=15, test=1)
    larger = []
    for seed in range(3):
        chosen = split(labels, hashes, is_test, share=0.1, seed=seed)
        larger.append(tuple(np.flatnonzero(np.bincount(labels[chosen == VALIDATION]) == 2)))
    assert [len(classes) for classes in larger] == [10] * 3
    assert len(set(larger)) == 3


def test_a_training_image_that_is_also_in_the_test_set_validates():
    labels, hashes, is_test = images_of(2, pool=20, test=5)
    copies = [3, 7, 11, 30]  # three in class 0, one more than its share
    for copy, original in zip(copies, np.flatnonzero(is_test), strict=False):
        hashes[copy] = hashes[original]
    for seed in range(10):
        chosen = split(labels, hashes, is_test, share=0.1, seed=seed)
        assert chosen[copies].tolist() == [VALIDATION] * 4
        assert (chosen == VALIDATION).sum() == 4


def test_equal_training_images_all_train():
    labels, hashes, is_test = images_of(2, pool=20, test=5)
    hashes[1] = hashes[2] = hashes[30] = hashes[0]
    for seed in range(10):
        chosen = split(labels, hashes, is_test, share=0.3, seed=seed)
        assert chosen[[0, 1, 2, 30]].tolist() == [TRAIN] * 4
        assert (chosen == VALIDATION).sum() == 12


def test_copies_of_a_training_image_that_is_in_the_test_set_validate_together():
    labels, hashes, is_test = images_of(1, pool=20, test=5)
    hashes[0] = hashes[1] = hashes[24]
    assert split(labels, hashes, is_test, share=0.1, seed=0)[:2].tolist() == [VALIDATION] * 2


def test_no_share_means_no_validation():
    labels, hashes, is_test = images_of(3, pool=5, test=1)
    assert VALIDATION not in split(labels, hashes, is_test, share=0.0, seed=0)


def test_a_share_that_equal_images_leave_no_choice_for_is_an_error():
    labels, hashes, is_test = images_of(1, pool=10, test=5)
    hashes[:3] = hashes[10:13]
    with pytest.raises(InputError) as caught:
        split(labels, hashes, is_test, share=0.2, seed=0, knob="test_share")
    assert str(caught.value) == (
        "test_share: 0.2 asks for 2 images, but equal images allow only 3 to 10; choose a share in between"
    )


@settings(max_examples=150, deadline=None)
@given(
    images=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60), st.booleans()), min_size=1, max_size=80),
    share=st.floats(0, 0.9),
    seed=st.integers(0, 5),
)
def test_whatever_the_images_the_number_is_exact_and_nothing_leaks(images, share, seed):
    labels, hashes = np.array([image[0] for image in images]), [str(image[1]) for image in images]
    is_test = np.array([image[2] for image in images])
    try:
        chosen = split(labels, hashes, is_test, share=share, seed=seed)
    except InputError:
        return
    trained = {hashes[index] for index in np.flatnonzero(chosen == TRAIN)}
    held_out = {hashes[index] for index in np.flatnonzero(chosen != TRAIN)}
    assert (chosen == VALIDATION).sum() == round(share * (~is_test).sum())
    assert not trained & held_out
    assert np.array_equal(chosen == TEST, is_test)
    assert set(chosen.tolist()) <= {TRAIN, VALIDATION, TEST}


@settings(max_examples=150, deadline=None)
@given(
    images=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60), st.booleans()), min_size=1, max_size=80),
    share=st.floats(0, 0.9),
    order=st.randoms(use_true_random=False),
)
def test_whatever_the_images_another_order_gives_each_the_same_split(images, share, order):
    """Equal pixels with one label in one split are one image; which of them is asked does not matter."""

    def chosen(images):
        labels, hashes = np.array([image[0] for image in images]), [str(image[1]) for image in images]
        chosen = split(labels, hashes, np.array([image[2] for image in images]), share=share, seed=0)
        return sorted(zip(images, chosen.tolist(), strict=True))

    try:
        expected = chosen(images)
    except InputError:
        return
    assert chosen(order.sample(images, len(images))) == expected


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=6),
    share=st.floats(0, 0.99),
    seed=st.integers(0, 5),
)
def test_every_class_gives_its_share_of_different_images_up_to_one(sizes, share, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    hashes = [f"{index:064x}" for index in range(len(labels))]
    chosen = split(labels, hashes, np.zeros(len(labels), bool), share=share, seed=seed) == VALIDATION
    for label, size in enumerate(sizes):
        assert abs(int(chosen[labels == label].sum()) - share * size) < 1 + 1e-9


def test_duplicates_are_counted_within_and_between_the_official_splits():
    hashes = ["a", "a", "a", "b", "c", "c", "d", "d"]
    is_test = np.array([False, False, False, False, False, True, True, True])
    assert duplicates(hashes, is_test) == {"within_pool": 2, "within_test": 1, "pool_and_test": 1}
    assert Counter(duplicates(["a", "b"], np.array([False, True])).values()) == {0: 3}
