"""The numbers of the sets, which prepared data keep on disk."""

from stages.sets import SETS, TEST, TRAIN, VALIDATION


def test_the_numbers_of_the_sets_are_those_of_data_prepared_before():
    assert {name: place for place, name in enumerate(SETS)} == {"train": 0, "validation": 1, "test": 2}
    assert (TRAIN, VALIDATION, TEST) == (0, 1, 2)
