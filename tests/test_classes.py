"""Which classes are taken, by number, range, name or all."""

import numpy as np
import pytest

from stages.datasets.classes import relabel, select_classes
from stages.runtime.errors import InputError

NAMES = ["apple", "aquarium_fish", "baby", "bear", "beaver", "Äpfel", "worm"]


@pytest.mark.parametrize(
    ("chosen", "numbers"),
    [
        ([3, 1], [1, 3]),
        (["0-2", "worm"], [0, 1, 2, 6]),
        (["aquarium fish", "5"], [1, 5]),
        (["äpfel", "BEAR"], [3, 5]),
        (["all"], list(range(7))),
    ],
)
def test_classes_are_chosen_by_number_range_name_or_all(chosen, numbers):
    assert select_classes(chosen, NAMES) == numbers


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (["appel"], "received 'appel', expected the name of a class. Did you mean 'apple'?"),
        (["zzz"], "received 'zzz', expected the name of a class. They go from 'apple' to 'worm'."),
        ([7], "received 7, expected numbers from 0 to 6"),
        (["5-9"], "received '5-9', expected numbers from 0 to 6"),
        (["5-3"], "received '5-3', expected numbers from 0 to 6"),
        (["0-4", "bear"], "'bear' chooses class 3 (bear) twice"),
        ([5, "all"], "'all' chooses class 5 (Äpfel) twice"),
        ([], "none chosen; write a list such as [all], [0-24] or [apple, bear]"),
    ],
)
def test_a_wrong_choice_is_an_error_that_says_what_was_expected(chosen, message):
    with pytest.raises(InputError) as caught:
        select_classes(chosen, NAMES)
    assert str(caught.value) == f"classes: {message}"


NUMBERS = sorted(str(number) for number in range(1, 13))  # 1, 10, 11, 12, 2, ..., 9


def test_a_text_that_is_a_classs_name_is_that_class_and_no_number():
    assert select_classes(["2", "10"], NUMBERS) == [1, 4]
    assert select_classes(["0-4", "5-9"], ["0-4", "10-14", "5-9"]) == [0, 2]


def test_a_number_that_is_a_place_and_the_name_of_that_very_place_is_clear():
    assert select_classes([3, "5-7"], [str(number) for number in range(10)]) == [3, 5, 6, 7]


def test_an_exact_name_wins_over_one_that_differs_in_capitals_or_blanks():
    assert select_classes(["cat", "dog"], ["Cat", "cat", "dog"]) == [1, 2]
    assert select_classes(["a_b"], ["a b", "a_b"]) == [1]


@pytest.mark.parametrize(
    ("chosen", "names", "message"),
    [
        ([1], NUMBERS, "1 has two readings, as 1 is the name of a class, and the place of '10'"),
        (["5-7"], NUMBERS, "'5-7' has two readings, as 5 is the name of a class, and the place of '3'"),
        (["02"], NUMBERS, "'02' has two readings, as 2 is the name of a class, and the place of '11'"),
        ([12], NUMBERS, "received 12, expected numbers from 0 to 11, or the name '12' in quotes"),
        (["CAT"], ["Cat", "cat", "dog"], "'CAT' may be 'Cat', 'cat'; write one of them exactly"),
        (["A_B"], ["a b", "a_b"], "'A_B' may be 'a b', 'a_b'; write one of them exactly"),
        (["all"], ["all", "some"], "'all' is also the name of a class; rename that class"),
        (["all"], ["A", "a", "b"], "'A' and 'a' differ only in capitals; rename or merge one"),
    ],
)
def test_what_has_two_readings_is_an_error_that_names_both(chosen, names, message):
    with pytest.raises(InputError) as caught:
        select_classes(chosen, names)
    assert str(caught.value).startswith(f"classes: {message}")


def test_images_of_chosen_classes_stay_and_get_their_new_labels():
    kept, labels = relabel(np.array([6, 3, 0, 3, 6]), [3, 6], NAMES)
    assert (kept.tolist(), labels.tolist(), labels.dtype) == ([0, 1, 3, 4], [1, 0, 0, 1], "i8")


def test_classes_without_images_are_an_error_that_names_them():
    with pytest.raises(InputError) as caught:
        relabel(np.array([0, 1, 2, 2, 6]), [0, 3, 4, 5], NAMES)
    assert (
        str(caught.value) == "classes: no images of 3 (bear), 4 (beaver), 5 (Äpfel); 4 of 7 classes have some"
    )
