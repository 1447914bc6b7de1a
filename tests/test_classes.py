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


def test_images_of_chosen_classes_stay_and_get_their_new_labels():
    kept, labels = relabel(np.array([6, 3, 0, 3, 6]), [3, 6], NAMES)
    assert (kept.tolist(), labels.tolist(), labels.dtype) == ([0, 1, 3, 4], [1, 0, 0, 1], "i8")


def test_classes_without_images_are_an_error_that_names_them():
    with pytest.raises(InputError) as caught:
        relabel(np.array([0, 1, 2, 2, 6]), [0, 3, 4, 5], NAMES)
    assert (
        str(caught.value) == "classes: no images of 3 (bear), 4 (beaver), 5 (Äpfel); 4 of 7 classes have some"
    )
