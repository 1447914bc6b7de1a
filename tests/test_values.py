"""What a value of params.yaml may be: ranges, choices, kinds, keys, names."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.values import KINDS, Interval, check, check_keys, check_names

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner)
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, range(1, 4)),
        (0.0, Interval(0.0, 1.0)),
        (1.0, Interval(0.0, 1.0, "(]")),
        ("a", ("a", "b")),
        ([1, 2], [range(9)]),
        ([], [range(9)]),
        (True, bool),
        (1.5, float),
        ("", str),
        ({}, dict),
    ],
)
def test_what_is_as_expected_is_no_mistake(value, expected):
    assert list(check(("knob",), value, expected)) == []


@pytest.mark.parametrize(
    ("value", "expected", "line"),
    [
        (4, range(1, 4), "knob is 4, expected a whole number from 1 to 3"),
        (True, range(1, 4), "knob is True, expected a whole number from 1 to 3"),
        ("3", range(1, 4), "knob is '3', expected a whole number from 1 to 3; write it without quotes"),
        ("three", range(1, 4), "knob is 'three', expected a whole number from 1 to 3"),
        (1.0, Interval(0.0, 1.0), "knob is 1.0, expected a number, at least 0.0 and below 1.0"),
        (0.0, Interval(0.0, 1.0, "(]"), "knob is 0.0, expected a number, above 0.0 and at most 1.0"),
        (math.nan, Interval(0.0, 1.0), "knob is nan, expected a number, at least 0.0 and below 1.0"),
        (math.inf, Interval(0.0, 1.0), "knob is inf, expected a number, at least 0.0 and below 1.0"),
        (math.nan, float, "knob is nan, expected a number such as 0.5"),
        (1, float, "knob is 1, expected a number such as 0.5; write 1.0"),
        ("1e-5", float, "knob is '1e-5', expected a number such as 0.5; write it without quotes"),
        ("aft", ("before", "after"), "knob is 'aft', expected one of before, after. Did you mean 'after'?"),
        (["a"], ("a", "b"), "knob is ['a'], expected one of a, b"),
        ([1, 0], [range(1, 4)], "knob[1] is 0, expected a whole number from 1 to 3"),
        (1, [range(1, 4)], "knob is 1, expected a list, each item a whole number from 1 to 3"),
        (None, bool, "knob is None, expected true or false"),
    ],
)
def test_what_is_not_is_told_with_what_was_expected(value, expected, line):
    assert [str(mistake) for mistake in check(("knob",), value, expected)] == [line]


def test_a_list_of_thousands_is_not_looked_through():
    (mistake,) = check(("filters",), [0] * 2000, [range(1, 4)])
    assert len(str(mistake)) < 250


def test_unknown_and_missing_keys_are_told_and_a_misspelt_one_once():
    mapping = {"epocs": 1, "seed": 2, 5: 6}
    assert [str(mistake) for mistake in check_keys(("a",), mapping, ["epochs", "zoom"], ["seed"])] == [
        "a.epocs is unknown. Did you mean 'epochs'?",
        "a[5] is unknown. Known here: epochs, zoom, seed",
        "a lacks zoom",
    ]


def test_twins_are_names_that_differ_in_capitals_alone():
    places = [("variants", "final"), ("variants", "other"), ("heads", "FINAL")]
    (mistake,) = check_names(places)
    assert mistake.place == ("heads", "FINAL")


@settings(deadline=None)
@given(
    value=VALUES,
    expected=st.sampled_from([range(9), Interval(0.0, 1.0), ("a", "b"), *KINDS, [range(9)], [str]]),
)
def test_a_check_of_any_value_gives_short_single_lines_and_never_raises(value, expected):
    for mistake in check(("knob",), value, expected):
        assert str(mistake).startswith("knob")
        assert len(str(mistake).splitlines()) == 1
        assert len(str(mistake)) < 300
