"""The study's table of contents: variants, what is reported of them, comparisons; and mistakes in them."""

from pathlib import Path

import pytest

from stages import parameters
from stages.errors import InputError
from stages.results.contents import Comparison, comparisons, dataset_of_each, mistakes, reported

VARIANTS = {"variants": {"basenet": {}, "zoom_20": {}}, "heads": {"mlp_head": {}}, "fine_tunes": {}}


def lines(**sections):
    """What is told of a study with these sections."""
    return [str(mistake) for mistake in mistakes(VARIANTS | sections)]


def test_variants_come_in_the_order_of_the_sections_and_a_missing_section_is_empty():
    study = {"fine_tunes": {"tuned": {}}, "variants": {"second": {}, "first": {}}}
    assert dataset_of_each(study) == {"second": "cifar100", "first": "cifar100", "tuned": "cub200"}
    assert comparisons(study) == []


def test_what_is_reported_stands_beside_every_variant():
    study = VARIANTS | {"report": {"zoom_20": {"section": "2.2", "accuracy": 1.0}}}
    assert reported(study) == {
        "basenet": {},
        "zoom_20": {"section": "2.2", "accuracy": 1.0},
        "mlp_head": {},
    }


def test_comparisons_come_in_the_order_of_the_file():
    entries = {
        "zoom": {"report": "Fig. 5", "variants": ["zoom_20", "basenet"]},
        "one": {"variants": ["basenet"]},
    }
    assert comparisons(VARIANTS | {"comparisons": entries}) == [
        Comparison("zoom", "Fig. 5", ("zoom_20", "basenet")),
        Comparison("one", "", ("basenet",)),
    ]


def test_an_unknown_variant_in_a_comparison_brings_the_nearest_name():
    assert lines(comparisons={"zoom": {"report": "Fig. 5", "variants": ["basenet", "zoom_2"]}}) == [
        "comparisons.zoom.variants[1] is 'zoom_2', no variant. Did you mean 'zoom_20'?"
    ]


def test_a_variant_twice_in_a_comparison_is_an_error():
    assert lines(comparisons={"zoom": {"variants": ["basenet", "basenet"]}}) == [
        "comparisons.zoom.variants[1] is 'basenet', which is in the list already"
    ]


def test_an_unknown_variant_in_the_report_brings_the_nearest_name():
    assert lines(report={"basnet": {"section": "1.2"}}) == [
        "report.basnet is no variant. Did you mean 'basenet'?"
    ]


def test_where_a_section_is_missing_nothing_is_said_of_the_variants_it_may_hold():
    study = {"variants": VARIANTS["variants"], "report": {"mlp_head": {}}}
    assert list(mistakes(study)) == []


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (None, " is None, expected a mapping; {} is an empty one"),
        ([], " is [], expected a mapping; {} is an empty one"),
        ({"report": "Fig. 5"}, " lacks variants"),
        ({"variants": []}, ".variants is [], expected a list of variants such as [basenet, final]"),
        (
            {"variants": "zoom_20"},
            ".variants is 'zoom_20', expected a list of variants such as [basenet, final]",
        ),
        ({"variants": [["a"]]}, ".variants[0] is ['a'], no variant."),
        ({"variants": ["basenet"], "report": 5}, ".report is 5, expected a text"),
        ({"variants": ["basenet"], "figure": "5"}, ".figure is unknown. Known here: variants, report"),
    ],
)
def test_a_comparison_that_is_none_is_an_error(entry, line):
    assert lines(comparisons={"zoom": entry}) == [f"comparisons.zoom{line}"]


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (
            {"accuracy": "0.4"},
            ".accuracy is '0.4', expected a number, at least 0.0 and at most 1.0; write it",
        ),
        ({"accuracy": None}, ".accuracy is None, expected a number, at least 0.0 and at most 1.0"),
        ({"accuracy": 41.92}, ".accuracy is 41.92, expected a number, at least 0.0 and at most 1.0"),
        ({"loss": float("nan")}, ".loss is nan, expected a number, at least 0.0 and below 1000.0"),
        ({"section": 2.1}, ".section is 2.1, expected a text"),
        ({"acuracy": 0.5}, ".acuracy is unknown. Did you mean 'accuracy'?"),
        ("2.1", " is '2.1', expected a mapping; {} is an empty one"),
    ],
)
def test_what_is_reported_must_be_of_its_kind(entry, line):
    (found,) = lines(report={"basenet": entry})
    assert found.startswith(f"report.basenet{line}")


@pytest.mark.parametrize("name", ["../zoom", "zoom/20", "", 5, "a" * 65, "x; touch pwned"])
def test_a_name_that_does_not_fit_in_a_path_is_refused(name):
    with pytest.raises(InputError, match="is no name: letters, digits"):
        comparisons(VARIANTS | {"comparisons": {name: {"variants": ["basenet"]}}})
    with pytest.raises(InputError, match="is no name: letters, digits"):
        dataset_of_each({"variants": {name: {}}})


def test_comparisons_that_differ_in_capitals_alone_are_an_error():
    (line,) = lines(comparisons={"zoom": {"variants": ["basenet"]}, "Zoom": {"variants": ["zoom_20"]}})
    assert line.startswith("comparisons.Zoom is taken by comparisons.zoom;")


def test_all_mistakes_are_told_at_once():
    found = lines(report={"basnet": {"loss": -1.0}}, comparisons={"zoom": {"variants": ["a", "b"]}, "B": 1})
    assert len(found) == 5


def test_the_studys_own_contents_are_in_order():
    study = parameters.load(Path(__file__).parents[1] / "params.yaml", mistakes)
    assert list(reported(study)) == list(dataset_of_each(study))
    assert all(comparison.report.startswith("Fig. ") for comparison in comparisons(study))
