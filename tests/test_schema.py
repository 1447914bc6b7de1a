"""The schema of params.yaml: what a single value may be, and what a reader learns about a wrong one."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.runtime.modules import REQUIRED
from stages.study import inheritance, items, knobs, schema
from tests.edited_study import REPORT, ROOT, SHIPPED, edited, mistakes

CIFAR = {"data": "cifar100"}
HEAD = {"data": "cub200_resnet50", "network": "dense_head", "dense_units": [4]}
CONVEX = HEAD | {"dense_units": [], "trainer": "convex"}
BIRDS = {"dataset": "cub200", "backbone": "resnet50", "batch_size": 8, "image_size": 224}
CHAPTER = {key: {"en": "Flips", "es": "Volteos"} for key in ("title", "question", "answer")}
GAP = {"measure": "gap", "of": "flip"}
CLAIMS = [  # a test of a claim, what is said of it
    (GAP, "sections.9.claims[0].tests[0] lacks where it lies: above, below or both; or figure"),
    (GAP | {"above": 0, "figure": [0, 1]}, "sections.9.claims[0].tests[0] lacks where it lies: "),
    (GAP | {"above": 1, "below": 0}, "sections.9.claims[0].tests[0] has no value between 1 and 0; swap"),
    (GAP | {"figure": [0]}, "sections.9.claims[0].tests[0].figure is [0], expected "),
    (GAP | {"than": "adam", "figure": [0, 1]}, "sections.9.claims[0].tests[0].than is for differences"),
    (GAP | {"measure": "spread", "figure": [0, 1]}, "sections.9.claims[0].tests[0].figure is for the end"),
    (GAP | {"measure": "gab", "above": 0}, "sections.9.claims[0].tests[0].measure is 'gab', expected one of"),
]
WORDS = {"en": "Zoom", "es": "Zoom"}
SOURCE = SHIPPED["sources"]["cifar100"]["cifar-100-python.tar.gz"]


def mistake(**knobs):
    """Returns the one line about a variant `some` with these knobs, without its place."""
    (line,) = mistakes(variants={"some": CIFAR | knobs})
    assert line.startswith("variants.some.")
    return line.removeprefix("variants.some.")


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"epochs": -3}, "epochs is -3, expected a whole number from 1 to 100000"),
        ({"epochs": True}, "epochs is True, expected a whole number from 1 to 100000"),
        ({"epochs": "3"}, "epochs is '3', expected a whole number from 1 to 100000; write it without quotes"),
        ({"seed": 2**32}, "seed is 4294967296, expected a whole number from 0 to 4294967295"),
        ({"zoom": 1}, "zoom is 1, expected a number, at least 0 and below 1"),
        ({"zoom": math.nan}, "zoom is nan, expected a number, at least 0 and below 1"),
        (
            {"zoom": "3e-1"},
            "zoom is '3e-1', expected a number, at least 0 and below 1; write it without quotes",
        ),
        ({"flip": "yes"}, "flip is 'yes', expected true or false"),
        (
            {"batch_norm": "befor"},
            "batch_norm is 'befor', expected one of none, before, after. Did you mean 'before'?",
        ),
        ({"filters": 6}, "filters is 6, expected a list, each item a whole number from 1 to 65536"),
        (
            {"filters": [6, "16"]},
            "filters[1] is '16', expected a whole number from 1 to 65536; write it without quotes",
        ),
        ({"block_dropout": [0.5, 1.5]}, "block_dropout[1] is 1.5, expected a number, at least 0 and below 1"),
        ({"optimizer": "SGD"}, "optimizer is 'SGD', expected a mapping; {} is an empty one"),
        ({"batch_nrom": "after"}, "batch_nrom is unknown. Did you mean 'batch_norm'?"),
    ],
    ids=str,
)
def test_invalid_values_report_what_was_received_and_expected(knobs, message):
    assert mistake(**knobs) == message


INVALID = [  # section, knobs, the place that is named, what is said of it
    ("variants", {"seeds": 0}, "seeds", "is 0, expected a whole number from 1 to 1000"),
    ("variants", {"feature_steps": ["l2_norm"]}, "feature_steps", "is a knob of heads only; remove it"),
    ("variants", {"views": {"mirrored": True}}, "views.mirrored", "is unknown. Did you mean 'mirror'?"),
    ("variants", {"trainer": "sdg"}, "trainer", "expected one of convex, ridge, sgd. Did you mean 'sgd'?"),
    ("variants", {"rate_multipliers": {"conv": -1}}, "rate_multipliers.conv", "is -1, expected a number"),
    ("variants", {"rate_multipliers": {"": 1}}, "rate_multipliers.''", "is an invalid name: use a prefix"),
    ("heads", CONVEX | {"penalties": []}, "penalties", "is [], expected a list of at least one"),
    ("heads", CONVEX | {"penalties": [0.1, -1]}, "penalties[1]", "is -1, expected a number, above 0"),
    ("heads", CONVEX | {"penalties": [0.1, 0.1]}, "penalties[1]", "is 0.1, which is in the list already"),
    ("heads", HEAD | {"feature_steps": ["l2_norm"] * 2}, "feature_steps[1]", "is in the list already"),
    ("heads", HEAD | {"colour": True}, "colour", "is unknown. Known here: "),
    ("heads", HEAD | {"mixup": 0.2}, "mixup", "is a knob of variants and fine_tunes only; remove it"),
    (
        "features",
        {"pooling": ["mean"]},
        "pooling[0]",
        "expected one of average, covariance or {covariance: a number}, gem",
    ),
    ("features", {"pooling": [{"average": 2}]}, "pooling[0]", "is {'average': 2}, expected one of average"),
    ("features", {"pooling": ["max", "max"]}, "pooling[1]", "is 'max', which is in the list already"),
    ("features", {"layers": ["conv4", "conv5"]}, "layers", "expected one layer where maps are written"),
    ("features", {"pooling": [], "maps": False}, "pooling", "is [], expected a way of pooling where maps"),
    ("features", {"views": {"shift": 224}}, "views.shift", "expected at most 223 on images of 224 pixels"),
    ("features", {"image_size": 7}, "image_size", "is 7, expected a whole number from 8 to 1024"),
]


@pytest.mark.parametrize(("section", "own", "place", "said"), INVALID, ids=str)
def test_knobs_of_seeds_trainers_views_and_features_say_what_they_take(section, own, place, said):
    needed = {"variants": CIFAR, "heads": {}, "features": BIRDS | {"threads": 1}}[section]
    (line,) = mistakes(**{section: {"some": needed | own}})
    assert line.startswith(f"{section}.some.{place} ")
    assert said in line


def test_a_whole_number_is_accepted_where_a_float_is_expected():
    knobs = CIFAR | {"zoom": 0, "block_dropout": [0, 0.5]}
    content, *found = items.checked(edited(SHIPPED, variants={"some": knobs}), REPORT)
    assert found == [[], []]
    assert repr(content["variants"]["some"]["zoom"]) == "0.0"
    assert repr(content["variants"]["some"]["block_dropout"]) == "[0.0, 0.5]"


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"sources": {"mine": {}}}, "sources.mine is {}, expected a mapping; {} is an empty one"),
        (
            {"sources": {"mine": {"a/b": SOURCE}}},
            "sources.mine.a/b is an invalid name: use letters, digits, _ . or -, not starting with . or -",
        ),
        (
            {"sources": {"mine": {"a": SOURCE | {"sha256": 5}}}},
            "sources.mine.a.sha256 is 5, expected 64 digits from 0-9 and a-f, in quotes",
        ),
        (
            {"sources": {"mine": {"a": {"bytes": 5, "urls": ["http://x"]}}}},
            "sources.mine.a lacks the hash of the official file: sha256 or md5",
        ),
        (
            {"sources": {"mine": {"a": SOURCE | {"urls": ["x"]}}}},
            "sources.mine.a.urls[0] is 'x', expected an address such as https://host/file",
        ),
        (
            {"sources": {"mine": {"a": SOURCE | {"urls": []}}}},
            "sources.mine.a.urls is [], expected a list of at least one, each item an address such as"
            " https://host/file",
        ),
        (
            {"datasets": {"mine": SHIPPED["datasets"]["cifar100"] | {"classes": ["9-3"]}}},
            "datasets.mine.classes[0] is '9-3', expected a class number, a range such as 0-24,",
        ),
        (
            {"datasets": {"mine": SHIPPED["datasets"]["cifar100"] | {"validation_share": 0}}},
            "datasets.mine.validation_share is 0, expected a number, above 0 and below 1",
        ),
        (
            {"features": {"mine": BIRDS}},
            "features.mine lacks threads",
        ),
        (
            {"features": {"mine": BIRDS | {"thread": 1}}},
            "features.mine.thread is unknown. Did you mean 'threads'?",
        ),
        ({"report": {"comparisons": {"mine": {"variants": []}}}}, "comparisons.mine.variants is [], "),
        (
            {"report": {"sections": {"9": {"title": WORDS, "question": WORDS, "anwser": WORDS}}}},
            "sections.9.anwser is unknown. Did you mean 'answer'?",
        ),
        *(
            ({"report": {"sections": {"9": CHAPTER | {"claims": [{"says": WORDS, "tests": [test]}]}}}}, line)
            for test, line in CLAIMS
        ),
        (
            {"report": {"comparisons": {"mine": {"variants": ["flip"], "title": {"en": "Flips"}}}}},
            "comparisons.mine.title lacks es",
        ),
        ({"defaults": {"epochs": -1}}, "defaults.epochs is -1, expected a whole number from 1 to 100000"),
    ],
    ids=str,
)  # fmt: skip
def test_every_section_is_checked(sections, line):
    (found,) = mistakes(**sections)
    assert found.startswith(line)


@pytest.mark.parametrize("section", ["sources", "variants"])
def test_a_misspelt_or_missing_section_is_one_mistake(section):
    study = {(f"{name}x" if name == section else name): value for name, value in SHIPPED.items()}
    misspelt = [f"{section}x is unknown. Did you mean {section!r}?"]
    assert [str(found) for found in items.checked(study, REPORT)[1]] == misspelt
    del study[f"{section}x"]
    _, *found = items.checked(study, REPORT)
    assert [[str(mistake) for mistake in each] for each in found] == [[f"the file lacks {section}"], []]


@pytest.mark.parametrize(
    "name", ["a b", "$(id)", "a;id", "-a", "ä", "", "../x", "a.b", "x\n", "a" * 65, 7, None]
)
def test_names_that_dvc_would_paste_unquoted_into_a_command_are_refused(name):
    for section in ("variants", "heads", "fine_tunes", "datasets", "backbones", "features", "sources"):
        assert any("is an invalid name" in line for line in mistakes(**{section: {name: {}}}))


def test_the_schema_for_editors_is_current():
    """After an edit: `python -m stages.study.schema > params.schema.json`."""
    assert (ROOT / "params.schema.json").read_text(encoding="utf-8") == schema.json_schema() + "\n"
    assert (
        (ROOT / "params.yaml").read_text().startswith("# yaml-language-server: $schema=params.schema.json\n")
    )


def test_every_knob_has_a_description_and_a_range_in_the_schema_for_editors():
    described = json.loads(schema.json_schema())["$defs"]["Variant"]["properties"]
    assert all("description" in knob for knob in described.values())
    assert {key: described["zoom"][key] for key in ("minimum", "exclusiveMaximum", "default")} == {
        "minimum": 0.0, "exclusiveMaximum": 1.0, "default": 0.0
    }  # fmt: skip
    assert described["network"]["enum"] == list(knobs.NETWORKS)
    assert "default" not in described["epochs"]


@pytest.mark.parametrize("offered", [knobs.NETWORKS, knobs.LOSSES, knobs.SCHEDULES])
def test_neutral_values_are_the_defaults_of_what_takes_them(offered):
    """Otherwise a knob that nobody sets would be written, and seen as an edit."""
    neutral = inheritance.KNOBS["variants"]
    taken = [(knob, value) for words in offered.values() for knob, value in words.items()]
    differing = [(knob, value) for knob, value in taken if neutral[knob] != value]
    assert [pair for pair in differing if neutral[pair[0]] is not None] == []
    assert all(value is REQUIRED or knob == "pooling" for knob, value in differing)


def test_every_file_that_a_knob_can_name_has_its_knobs_in_the_schema():
    known = schema.Defaults.model_fields.keys()
    assert knobs.AUGMENTATIONS.keys() <= known
    for offered in (knobs.NETWORKS, knobs.TRAINERS, knobs.LOSSES, knobs.SCHEDULES):
        assert {knob for words in offered.values() for knob in words} <= known
    assert {"cifar100", "cub200", "folder"} <= schema.DATASET_FORMATS.keys()
    assert {"application", "keras_file"} <= schema.BACKBONE_FORMATS.keys()
    assert "prepared" not in schema.DATASET_FORMATS  # which reads what `prepare` wrote


def places(value, place=()):
    """All places of a mapping's content."""
    yield place
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from places(item, (*place, key))


def replaced(value, place, new):
    if not place:
        return new
    copied = value.copy()
    copied[place[0]] = replaced(value[place[0]], place[1:], new)
    return copied


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner)
)
WORDS = st.sampled_from(["all", "1e-5", "final", "frozen", "basenet", "SGD", "0-300", -1, 0, 1.0, 10**9])


BOTH = {"params": SHIPPED, "report": REPORT}


@settings(deadline=None, max_examples=100)
@given(place=st.sampled_from([p for p in places(BOTH) if len(p) > 1]), value=ANYTHING | WORDS)
def test_any_edit_gives_items_or_mistakes_of_one_line(place, value):
    content, *found = items.checked(**replaced(BOTH, place, value))
    for line in (str(mistake) for each in found for mistake in each):
        assert len(line.splitlines()) == 1
        assert len(line) < 900
    if found == [[], []]:
        assert all(json.loads(json.dumps(item.knobs)) == item.knobs for item in items.items(content))
