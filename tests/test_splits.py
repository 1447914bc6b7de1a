"""Validation images: exact numbers, every class alike, nothing that leaks, whatever the order."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.datasets.prepared import LEFT_OUT, TEST, TRAIN, VALIDATION
from stages.datasets.splits import duplicates, split


def images_of(n_classes, *, pool, test):
    """Labels, distinct hashes and the test mask of so many images a class."""
    labels = np.repeat(np.arange(n_classes), pool + test)
    hashes = [f"{index:064x}" for index in range(len(labels))]
    return labels, hashes, np.arange(len(labels)) % (pool + test) >= pool


@pytest.mark.parametrize(
    ("n_classes", "pool", "test", "validation"),
    [(25, 500, 100, 1250), (200, 15, 15, 300), (3, 5, 1, 3), (4, 5, 1, 4)],
)
def test_a_tenth_of_the_training_images_validates_in_every_class_alike(n_classes, pool, test, validation):
    labels, hashes, is_test = images_of(n_classes, pool=pool, test=test)
    chosen = split(labels, hashes, is_test, share=0.1, seed=0)
    assert chosen.dtype == np.uint8
    assert (chosen == VALIDATION).sum() == validation
    assert np.array_equal(chosen == TEST, is_test)
    per_class = np.bincount(labels[chosen == VALIDATION], minlength=n_classes)
    assert {int(count) for count in per_class} <= {max(1, int(0.1 * pool)), int(0.1 * pool) + 1}


def test_classes_that_get_one_more_are_drawn_from_the_seed():
    labels, hashes, is_test = images_of(20, pool=15, test=1)
    larger = []
    for seed in range(3):
        chosen = split(labels, hashes, is_test, share=0.1, seed=seed)
        larger.append(tuple(np.flatnonzero(np.bincount(labels[chosen == VALIDATION]) == 2)))
    assert [len(classes) for classes in larger] == [10] * 3
    assert len(set(larger)) == 3


def test_images_that_are_also_in_the_test_set_are_in_no_other_split():
    labels, hashes, is_test = images_of(2, pool=20, test=5)
    copies = [3, 7, 11, 30, 12]  # four in class 0, of which two are equal
    for copy, original in zip(copies, np.flatnonzero(is_test), strict=False):
        hashes[copy] = hashes[original]
    hashes[12] = hashes[11]
    for seed in range(10):
        chosen = split(labels, hashes, is_test, share=0.1, seed=seed)
        assert np.flatnonzero(chosen == LEFT_OUT).tolist() == sorted(copies)
        assert np.bincount(labels[chosen == VALIDATION]).tolist() == [2, 2]  # a tenth of 16 and of 19


def test_equal_images_stay_together_and_may_validate():
    labels, hashes, is_test = images_of(1, pool=20, test=5)
    hashes[1] = hashes[2] = hashes[3] = hashes[0]
    sides = []
    for seed in range(60):
        chosen = split(labels, hashes, is_test, share=0.3, seed=seed)
        assert len(set(chosen[:4].tolist())) == 1
        assert (chosen == VALIDATION).sum() == 6
        sides.append(int(chosen[0]))
    assert set(sides) == {TRAIN, VALIDATION}


def test_a_class_of_copies_gives_whole_groups_as_near_to_its_share_as_they_allow():
    """100 images of a class, and ten of another, each there ten times."""
    labels = np.repeat([0, 1], 100)
    hashes = [f"big {number}" for number in range(100)] + [f"small {number // 10}" for number in range(100)]
    chosen = split(labels, hashes, np.zeros(200, bool), share=0.2, seed=0)
    assert np.bincount(labels[chosen == VALIDATION]).tolist() == [20, 20]
    held_out = {hashes[row] for row in np.flatnonzero(chosen == VALIDATION)}
    assert not held_out & {hashes[row] for row in np.flatnonzero(chosen == TRAIN)}


def test_one_more_group_validates_if_that_is_nearer_to_the_share():
    hashes = [str(number // 4) for number in range(40)]
    chosen = split(np.zeros(40, int), hashes, np.zeros(40, bool), share=0.275, seed=0)
    assert (chosen == VALIDATION).sum() == 12  # of 11: three groups of four, not two


def test_every_class_with_different_images_validates_however_small_the_share():
    labels = np.repeat([0, 1, 2, 3], [200, 5, 4, 3])
    hashes = [str(number) for number in range(205)] + ["twice"] * 2 + ["pair"] * 2 + ["thrice"] * 3
    chosen = split(labels, hashes, np.zeros(212, bool), share=0.01, seed=0)
    # The fourth class has one image, three times: it can train alone.
    assert np.bincount(labels[chosen == VALIDATION], minlength=4).tolist() == [1, 1, 2, 0]


def test_equal_images_with_several_labels_train():
    labels, hashes, is_test = images_of(2, pool=10, test=2)
    hashes[0] = hashes[12] = hashes[13]
    for seed in range(10):
        chosen = split(labels, hashes, is_test, share=0.5, seed=seed)
        assert chosen[[0, 12, 13]].tolist() == [TRAIN] * 3


@settings(max_examples=150, deadline=None)
@given(
    images=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60), st.booleans()), min_size=1, max_size=80),
    share=st.floats(0, 0.9),
    seed=st.integers(0, 5),
)
def test_whatever_the_images_nothing_leaks(images, share, seed):
    labels, hashes = np.array([image[0] for image in images]), [str(image[1]) for image in images]
    is_test = np.array([image[2] for image in images])
    chosen = split(labels, hashes, is_test, share=share, seed=seed)
    trained, validating, tested, left_out = (
        {hashes[index] for index in np.flatnonzero(chosen == state)} for state in range(4)
    )
    assert not (trained & validating) | (trained & tested) | (validating & tested)
    assert left_out <= tested
    assert np.array_equal(chosen == TEST, is_test)
    pool = labels[(chosen == TRAIN) | (chosen == VALIDATION)]
    assert set(labels[chosen == TRAIN].tolist()) == set(pool.tolist())


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

    assert chosen(order.sample(images, len(images))) == chosen(images)


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
    least = [int(share > 0 and size > 1) for size in sizes]
    assert chosen.sum() == min(max(round(share * sum(sizes)), sum(least)), sum(size - 1 for size in sizes))
    for label, size in enumerate(sizes):
        found = int(chosen[labels == label].sum())
        assert found >= least[label]
        assert found < size
        if share * min(sizes) >= 1 and (1 - share) * min(sizes) >= 1:
            assert abs(found - share * size) < 1 + 1e-9


def test_duplicates_are_counted_within_and_between_the_official_splits():
    hashes = ["a", "a", "a", "b", "c", "c", "d", "d"]
    is_test = np.array([False, False, False, False, False, True, True, True])
    assert duplicates(hashes, is_test) == {"within_pool": 2, "within_test": 1, "pool_and_test": 1}
    assert Counter(duplicates(["a", "b"], np.array([False, True])).values()) == {0: 3}
