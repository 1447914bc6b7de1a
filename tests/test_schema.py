"""The schema of params.yaml: what a single value may be, and what a reader learns about a wrong one."""

import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.runtime.modules import REQUIRED
from stages.study import inheritance, items, schema
from tests.edited_study import ROOT, SHIPPED, edited, mistakes

CIFAR = {"data": "cifar100"}
BIRDS = {"dataset": "cub200", "backbone": "resnet50", "batch_size": 8}
SOURCE = SHIPPED["sources"]["cifar100"]["cifar-100-python.tar.gz"]


def mistake(**knobs):
    """Returns the one line about a variant `some` with these knobs, without its place."""
    (line,) = mistakes(variants={"some": CIFAR | knobs})
    assert line.startswith("variants.some.")
    return line.removeprefix("variants.some.")


def test_the_shipped_study_is_valid():
    assert mistakes() == []


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"epochs": -3}, "epochs is -3, expected a whole number from 1 to 100000"),
        ({"epochs": 3.0}, "epochs is 3.0, expected a whole number from 1 to 100000"),
        ({"epochs": True}, "epochs is True, expected a whole number from 1 to 100000"),
        ({"epochs": "3"}, "epochs is '3', expected a whole number from 1 to 100000; write it without quotes"),
        ({"seed": 2**32}, "seed is 4294967296, expected a whole number from 0 to 4294967295"),
        ({"zoom": 1}, "zoom is 1, expected a number, at least 0 and below 1"),
        ({"zoom": math.nan}, "zoom is nan, expected a number, at least 0 and below 1"),
        (
            {"zoom": "3e-1"},
            "zoom is '3e-1', expected a number, at least 0 and below 1; write it without quotes",
        ),
        ({"zoom": None}, "zoom is None, expected a number, at least 0 and below 1"),
        ({"flip": "yes"}, "flip is 'yes', expected true or false"),
        ({"flip": 1}, "flip is 1, expected true or false"),
        (
            {"batch_norm": "befor"},
            "batch_norm is 'befor', expected one of none, before, after. Did you mean 'before'?",
        ),
        ({"batch_norm": 5}, "batch_norm is 5, expected one of none, before, after"),
        ({"filters": 6}, "filters is 6, expected a list, each item a whole number from 1 to 65536"),
        (
            {"filters": [6, "16"]},
            "filters[1] is '16', expected a whole number from 1 to 65536; write it without quotes",
        ),
        ({"block_dropout": [0.5, 1.5]}, "block_dropout[1] is 1.5, expected a number, at least 0 and below 1"),
        ({"optimizer": "SGD"}, "optimizer is 'SGD', expected a mapping; {} is an empty one"),
        ({"network": "basenet"}, None),
        ({"batch_nrom": "after"}, "batch_nrom is unknown. Did you mean 'batch_norm'?"),
        ({"end_to_end": True}, None),
    ],
    ids=str,
)
def test_invalid_values_report_what_was_received_and_expected(knobs, message):
    found = mistake(**knobs)
    assert message is None or found == message


def test_a_wrong_network_names_those_that_have_a_file():
    names = sorted(path.stem for path in (ROOT / "stages/networks").glob("*_*.py") if path.stem != "__init__")
    assert mistake(network="bse_net") == (
        f"network is 'bse_net', expected one of {', '.join(names)}. Did you mean 'base_net'?"
    )


def test_a_whole_number_is_accepted_where_a_float_is_expected():
    content, found = items.checked(edited(variants={"some": CIFAR | {"zoom": 0, "block_dropout": [0, 0.5]}}))
    assert found == []
    assert repr(content["variants"]["some"]["zoom"]) == "0.0"
    assert repr(content["variants"]["some"]["block_dropout"]) == "[0.0, 0.5]"


UNFIT = [
    "x; touch pwned",
    "$(id)",
    "../x",
    "--help",
    "a/b",
    "a b",
    "a.b",
    "",
    "é",
    "x\n",
    "a" * 65,
    7,
    True,
    None,
]


@pytest.mark.parametrize("name", UNFIT, ids=repr)
def test_a_name_unfit_for_a_command_or_a_path_is_an_error(name):
    (line,) = mistakes(variants={name: CIFAR})
    rule = "at most 64 letters, digits, _ or -, not starting with -"
    assert re.match(r"variants.*is an invalid name: use ", line, re.DOTALL)
    assert line.endswith(rule)


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
        ({"comparisons": {"mine": {"variants": []}}}, "comparisons.mine.variants is [], expected"),
        ({"comparisons": {"mine": {"variants": ["flip"], "report": 5}}}, "comparisons.mine.report is 5, "),
        ({"heads": {"mine": 5}}, "heads.mine is 5, expected a mapping; {} is an empty one"),
        ({"defaults": {"epochs": -1}}, "defaults.epochs is -1, expected a whole number from 1 to 100000"),
    ],
    ids=str,
)  # fmt: skip
def test_every_section_is_checked(sections, line):
    (found,) = mistakes(**sections)
    assert found.startswith(line)


@pytest.mark.parametrize(
    "section", [name for name in SHIPPED if name not in ("mirror", "report", "comparisons")]
)
def test_a_misspelt_or_missing_section_is_one_mistake(section):
    study = {(f"{name}x" if name == section else name): value for name, value in SHIPPED.items()}
    assert [str(found) for found in items.checked(study)[1]] == [
        f"{section}x is unknown. Did you mean {section!r}?"
    ]
    del study[f"{section}x"]
    assert [str(found) for found in items.checked(study)[1]] == [f"the file lacks {section}"]


def test_all_mistakes_are_reported_at_once_also_of_one_variant():
    assert mistakes(
        variants={"a": CIFAR | {"epochs": 0, "zom": 1}, "b": CIFAR | {"extends": "god"}, "good": CIFAR},
        heads={"c": {"data": "cub200_resnet50", "flip": True}},
    ) == [
        "variants.a.epochs is 0, expected a whole number from 1 to 100000",
        "variants.a.zom is unknown. Did you mean 'zoom'?",
        "heads.c.flip is unknown. Known here: seed, threads, epochs, batch_size, optimizer, label_smoothing,"
        " schedule, warmup, ema, precision, network, filters, dense_units, depth, block_dropout,"
        " dense_dropout, batch_norm, pooling, end_to_end, data, extends",
        "variants.b.extends is 'god', expected a name under variants. Did you mean 'good'?",
    ]


def test_the_schema_for_editors_is_current():
    """After an edit: `python -m stages.study.schema > params.schema.json`."""
    assert (ROOT / "params.schema.json").read_text(encoding="utf-8") == schema.json_schema() + "\n"
    assert (
        (ROOT / "params.yaml").read_text().startswith("# yaml-language-server: $schema=params.schema.json\n")
    )


def test_every_knob_has_a_description_and_a_range_in_the_schema_for_editors():
    knobs = json.loads(schema.json_schema())["$defs"]["Variant"]["properties"]
    assert all("description" in knob for knob in knobs.values())
    assert {key: knobs["zoom"][key] for key in ("minimum", "exclusiveMaximum", "default")} == {
        "minimum": 0.0, "exclusiveMaximum": 1.0, "default": 0.0
    }  # fmt: skip
    assert knobs["network"]["enum"] == list(schema.NETWORKS)
    assert "default" not in knobs["epochs"]


def test_neutral_values_are_the_defaults_of_the_networks():
    """Otherwise a knob that nobody sets would be written, and seen as an edit."""
    neutral = inheritance.KNOBS["variants"]
    taken = [(knob, value) for name in schema.NETWORKS for knob, value in inheritance.arguments(name).items()]
    assert len(taken) > 15
    assert [knob for knob, value in taken if neutral[knob] != (None if value is REQUIRED else value)] == []


def test_augmentations_and_formats_have_their_knobs():
    assert set(inheritance.FIRST) <= schema.AUGMENTATIONS.keys() <= schema.ImageKnobs.model_fields.keys()
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


@settings(deadline=None, max_examples=200)
@given(place=st.sampled_from(list(places(SHIPPED))[1:]), value=ANYTHING | WORDS)
def test_any_edit_gives_items_or_mistakes_of_one_line(place, value):
    content, found = items.checked(replaced(SHIPPED, place, value))
    for line in map(str, found):
        assert len(line.splitlines()) == 1
        assert len(line) < 700
    if not found:
        assert all(json.loads(json.dumps(item.knobs)) == item.knobs for item in items.items(content))
