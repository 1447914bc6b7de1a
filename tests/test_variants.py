"""Variants: what they resolve to, and what a reader of params.yaml is told about each mistake."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages import parameters, variants
from stages.errors import InputError

SHIPPED = parameters.load(Path(__file__).parent.parent / "params.yaml")
DEFAULTS = SHIPPED["defaults"]
SGD = {"class_name": "SGD", "config": {"learning_rate": 0.1}}


def study(**sections):
    return {"defaults": DEFAULTS, **sections}


def mistakes(**sections):
    """The lines of the error that these sections are."""
    with pytest.raises(InputError) as caught:
        variants.resolve(study(**sections))
    return str(caught.value).split("\n       ")


def mistake(own, group="variants"):
    """The one line about a variant `some` with these knobs, without its place."""
    if group == "fine_tunes":
        line, *others = mistakes(heads={"head": HEAD | {"end_to_end": True}}, fine_tunes={"some": own})
    else:
        line, *others = mistakes(**{group: {"some": own}})
    assert not others
    assert line.startswith(f"{group}: variant 'some': ")
    return line.removeprefix(f"{group}: variant 'some': ")


HEAD = {"architecture": "dense_head", "dense_units": [4]}
DEEPER = {"architecture": "deeper_net", "filters": [1, 2, 3, 4]}


def test_a_variant_has_every_knob_of_its_section_and_its_name():
    resolved = variants.resolve(study(variants={"some": {"epochs": 7}}, heads={"other": HEAD}))
    assert set(resolved["some"]) == {*variants.GROUPS["variants"], "name"}
    assert set(resolved["other"]) == {*variants.GROUPS["heads"], "name"}
    expected = {knob: DEFAULTS[knob] for knob in variants.GROUPS["variants"]} | {"name": "some", "epochs": 7}
    assert resolved["some"] == expected


def test_knobs_come_down_a_chain_of_extends_and_the_nearest_wins():
    resolved = variants.resolve(
        study(
            variants={
                "child": {"extends": "parent", "epochs": 3},
                "parent": {"extends": "grandparent", "epochs": 2, "flip": True},
                "grandparent": {"epochs": 1, "zoom": 0.5, "flip": False},
                "stranger": {},
            }
        )
    )
    knobs = ("epochs", "flip", "zoom", "seed")
    assert [resolved["child"][knob] for knob in knobs] == [3, True, 0.5, 0]
    assert [resolved["parent"][knob] for knob in knobs] == [2, True, 0.5, 0]
    assert [resolved["grandparent"][knob] for knob in knobs] == [1, False, 0.5, 0]
    assert [resolved["stranger"][knob] for knob in knobs] == [30, False, 0.0, 0]


def test_a_child_replaces_its_parents_optimizer_whole():
    parent = {"optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.1, "beta_1": 0.5}}}
    resolved = variants.resolve(
        study(variants={"parent": parent, "child": {"extends": "parent", "optimizer": SGD}})
    )
    assert resolved["child"]["optimizer"] == SGD


OWN = st.fixed_dictionaries(
    {},
    optional={
        "epochs": st.integers(1, 9),
        "seed": st.integers(0, 9),
        "flip": st.booleans(),
        "zoom": st.floats(0, 0.9),
        "normalisation": st.sampled_from(["none", "featurewise"]),
    },
)


@given(owns=st.lists(OWN, min_size=1, max_size=6), parents=st.lists(st.integers(0, 99), min_size=6))
def test_a_childs_knobs_are_its_parents_overlaid_by_its_own(owns, parents):
    section = {"v0": owns[0]}
    for number, own in enumerate(owns[1:], start=1):
        section[f"v{number}"] = own | {"extends": f"v{parents[number] % number}"}
    resolved = variants.resolve(study(variants=dict(reversed(section.items()))))
    assert list(resolved) == list(reversed(section))
    for name, own in section.items():
        parent = resolved[own["extends"]] if "extends" in own else DEFAULTS
        expected = {knob: parent[knob] for knob in variants.GROUPS["variants"]} | own | {"name": name}
        expected.pop("extends", None)
        assert resolved[name] == expected


def test_an_unknown_knob_names_the_near_one_and_all_others():
    assert mistakes(variants={"vgg_wide": {"batch_nrom": "after"}}) == [
        "variants: variant 'vgg_wide': unknown knob 'batch_nrom'. Did you mean 'batch_norm'? Knobs here: "
        "architecture, batch_norm, batch_size, block_dropout, dense_dropout, dense_units, epochs, filters, "
        "flip, normalisation, optimizer, seed, threads, zoom"
    ]


def test_an_unknown_knob_near_to_none_suggests_nothing():
    assert mistake({"qqq": 1}).startswith("unknown knob 'qqq'. Knobs here: architecture, ")


@pytest.mark.parametrize(
    ("own", "group"),
    [
        ({"flip": True}, "heads"),  # heads learn from features of unchanged pictures
        ({"zoom": 0.1}, "heads"),
        ({"normalisation": "none"}, "heads"),
        ({"pooling": "flatten"}, "variants"),
        ({"end_to_end": True}, "variants"),
        ({"unfreeze": "all"}, "heads"),
        ({"filters": [1, 2]}, "fine_tunes"),
        ({"code": "0"}, "variants"),
        ({"name": "other"}, "variants"),
    ],
)
def test_a_knob_of_another_section_is_unknown(own, group):
    (knob,) = own
    assert mistake(own | {"starts_from": "head"} if group == "fine_tunes" else own, group).startswith(
        f"unknown knob '{knob}'."
    )


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"zoom": 1}, "zoom is 1, expected float; write 1.0"),
        ({"zoom": "0.2"}, "zoom is '0.2', expected float"),
        ({"epochs": 2.0}, "epochs is 2.0, expected int"),
        ({"epochs": True}, "epochs is True, expected int"),
        ({"epochs": None}, "epochs is None, expected int"),
        ({"flip": 1}, "flip is 1, expected bool"),
        ({"flip": "yes"}, "flip is 'yes', expected bool"),
        ({"filters": 6}, "filters is 6, expected list"),
        ({"optimizer": "SGD"}, "optimizer is 'SGD', expected dict"),
        ({"architecture": ["base_net"]}, "architecture is ['base_net'], expected str"),
        ("epochs", "holds 'epochs', expected knobs such as {epochs: 30}"),
        (None, "holds None, expected knobs such as {epochs: 30}"),
    ],
)
def test_a_value_of_another_type_is_an_error(own, message):
    assert mistake(own) == message


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"epochs": 0}, "epochs is 0, expected 1 or more"),
        ({"batch_size": -1}, "batch_size is -1, expected 1 or more"),
        ({"threads": 0}, "threads is 0, expected 1 or more"),
        ({"seed": -1}, "seed is -1, expected 0 or more"),
        ({"zoom": 1.0}, "zoom is 1.0, expected at least 0.0 and below 1.0"),
        ({"zoom": -0.1}, "zoom is -0.1, expected at least 0.0 and below 1.0"),
        ({"zoom": float("nan")}, "zoom is nan, expected at least 0.0 and below 1.0"),
        (
            {"optimizer": {"class_name": "SGD"}},
            "optimizer is {'class_name': 'SGD'}, expected {class_name: SGD, config: {learning_rate: 0.01}} "
            "or the like",
        ),
        ({"batch_norm": "both"}, "batch_norm is 'both', expected one of none, before, after"),
        ({"normalisation": "all"}, "normalisation is 'all', expected one of none, featurewise"),
        ({"architecture": "conv_head"}, "architecture is 'conv_head', expected one of base_net, deeper_net"),
        ({"filters": [6, 0]}, "filters is [6, 0], expected whole numbers of 1 or more"),
        ({"dense_units": [True]}, "dense_units is [True], expected whole numbers of 1 or more"),
        (
            DEEPER | {"filters": [1, 2, 3]},
            "filters is [1, 2, 3], expected an even number of sizes, two a block",
        ),
        (
            {"dense_dropout": [1.0]},
            "dense_dropout is [1.0], expected rates such as 0.25, at least 0.0 and below 1.0",
        ),
        (
            {"dense_dropout": [1]},
            "dense_dropout is [1], expected rates such as 0.25, at least 0.0 and below 1.0",
        ),
        (
            {"dense_dropout": [0.5, 0.5]},
            "dense_dropout is [0.5, 0.5], expected [] or 1 rates, one for each place it acts at",
        ),
        (
            {"block_dropout": [0.25]},
            "block_dropout is [0.25], expected [] or 2 rates, one for each place it acts at",
        ),
        (
            DEEPER | {"block_dropout": [0.1] * 4},
            "block_dropout is [0.1, 0.1, 0.1, 0.1], expected [] or 2 rates, one for each place it acts at",
        ),
    ],
)
def test_a_value_out_of_range_is_an_error(own, message):
    assert mistake(own) == message


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({}, "architecture is 'base_net', expected one of dense_head, conv_head"),
        ({"architecture": "conv_head"}, "filters is [6, 16], expected one size"),
        (
            HEAD | {"block_dropout": [0.5]},
            "block_dropout is [0.5], expected [] or 0 rates, one for each place it acts at",
        ),
        (
            {"architecture": "conv_head", "filters": [2], "pooling": "max"},
            "pooling is 'max', expected one of flatten, global_average",
        ),
        (
            {"architecture": "conv_head", "filters": [2], "end_to_end": True},
            "end_to_end is True, expected false, except for a dense_head",
        ),
    ],
)
def test_a_head_that_cannot_be_built_is_an_error(own, message):
    assert mistake(own, "heads") == message


def test_an_unknown_parent_names_the_near_one():
    assert mistakes(variants={"normalised": {}, "flip": {"extends": "normalized"}}) == [
        "variants: variant 'flip': extends unknown 'normalized'. Did you mean 'normalised'?"
    ]


def test_a_parent_in_another_section_is_unknown():
    assert mistakes(variants={"base": {}}, heads={"head": {"extends": "base"}}) == [
        "heads: variant 'head': extends unknown 'base'."
    ]


def test_a_circle_of_extends_is_drawn():
    section = {"a": {"extends": "b"}, "b": {"extends": "c"}, "c": {"extends": "b"}, "own": {"extends": "own"}}
    assert mistakes(variants=section) == [
        "variants: variant 'a': extends itself: a -> b -> c -> b",
        "variants: variant 'b': extends itself: b -> c -> b",
        "variants: variant 'c': extends itself: c -> b -> c",
        "variants: variant 'own': extends itself: own -> own",
    ]


@pytest.mark.parametrize(
    "name",
    ["x; touch pwned", "../x", "--help", "a/b", "a b", "a@b", "a.b", "", "$HOME", "é", "x\n", "a" * 65, 7],
)
def test_a_name_unfit_for_a_command_or_a_path_is_an_error(name):
    assert mistakes(variants={name: {}}) == [
        f"variants: variant {name!r}: a name has letters, digits, _ and - only, at most 64,"
        " and starts with no -"
    ]


@pytest.mark.parametrize("name", ["a", "_x", "final_seed-1", "3x3", "a" * 64])
def test_a_fit_name_is_none(name):
    assert list(variants.resolve(study(variants={name: {}}))) == [name]


def test_a_name_taken_by_another_section_is_an_error():
    assert mistakes(variants={"twice": {}}, heads={"twice": HEAD}) == [
        "heads: variant 'twice': the name is taken by a variant of another section"
    ]


START = "starts_from is {!r}, expected a head with end_to_end: true."


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"epochs": 2}, "has no starts_from: the end-to-end head whose model it goes on from"),
        ({"starts_from": "haed"}, START.format("haed") + " Did you mean 'head'?"),
        ({"starts_from": None}, START.format(None)),
    ],
)
def test_a_fine_tune_that_starts_from_no_head_is_an_error(own, message):
    assert mistake(own, "fine_tunes") == message


def test_a_fine_tune_starts_from_an_end_to_end_head_alone():
    sections = {"variants": {"net": {}}, "heads": {"cached": HEAD, "whole": HEAD | {"end_to_end": True}}}
    resolved = variants.resolve(study(**sections, fine_tunes={"some": {"starts_from": "whole"}}))
    assert resolved["some"]["starts_from"] == "whole"
    starts = {"a": {"starts_from": "cached"}, "b": {"starts_from": "net"}, "c": {"starts_from": "a"}}
    assert mistakes(**sections, fine_tunes=starts) == [
        f"fine_tunes: variant 'a': {START.format('cached')} Did you mean 'cached'?",
        f"fine_tunes: variant 'b': {START.format('net')}",
        f"fine_tunes: variant 'c': {START.format('a')}",
    ]


def test_starts_from_is_not_inherited():
    heads = {"head": HEAD | {"end_to_end": True}}
    fine_tunes = {"some": {"starts_from": "head"}, "child": {"extends": "some", "epochs": 2}}
    assert mistakes(heads=heads, fine_tunes=fine_tunes) == [
        "fine_tunes: variant 'child': has no starts_from: the end-to-end head whose model it goes on from"
    ]


@pytest.mark.parametrize("group", ["variants", "heads"])
def test_starts_from_elsewhere_is_an_error(group):
    own = {"starts_from": "head"} | (HEAD if group == "heads" else {})
    assert mistake(own, group) == (
        "starts_from belongs to fine_tunes; a variant here builds on another by extends"
    )


def test_several_mistakes_are_reported_at_once():
    assert mistakes(
        variants={"a": {"epochs": 0}, "good": {}, "b": {"zoom": 1}},
        heads={"c": HEAD | {"flip": True}},
        fine_tunes={"d": {"starts_from": "e"}},
    ) == [
        "variants: variant 'a': epochs is 0, expected 1 or more",
        "variants: variant 'b': zoom is 1, expected float; write 1.0",
        "heads: variant 'c': unknown knob 'flip'. Knobs here: architecture, batch_norm, batch_size, "
        "block_dropout, dense_dropout, dense_units, end_to_end, epochs, filters, optimizer, pooling, seed, "
        "threads",
        f"fine_tunes: variant 'd': {START.format('e')}",
    ]


@pytest.mark.parametrize(
    "sections",
    [
        {"variants": {"a": {"extends": ["b"]}, "b": {}}},
        {"variants": {"a": {"extends": {"b": 1}}}},
        {"variants": ["a"]},
        {"variants": "a"},
        {"variants": {"a": {}}, "defaults": None},
        {"variants": {"a": {}}, "defaults": {"epochs": 1}},
        {"heads": {7: {}}, "fine_tunes": {"f": {"starts_from": "h"}}},
        {"variants": {"h": {}}, "heads": {"h": {}}, "fine_tunes": {"f": {"starts_from": "h"}}},
    ],
    ids=str,
)
def test_a_section_of_another_shape_is_an_error(sections):
    with pytest.raises(InputError):
        variants.resolve(study(variants={"a": {}}) | sections)


@pytest.mark.parametrize("config", [{"learning_rate": float("nan")}, {"learning_rate": float("inf")}, 3])
def test_an_optimizer_that_json_cannot_hold_or_keras_not_read_is_an_error(config):
    with pytest.raises(InputError):
        variants.resolve(study(variants={"a": {"optimizer": {"class_name": "SGD", "config": config}}}))


SCRATCH = [
    *("basenet", "normalised", "zoom_20", "zoom_30", "zoom_50", "flip", "flip_zoom_20"),
    *("deeper_1", "deeper_2", "dropout_1", "dropout_2", "longer_1", "longer_2", "batch_norm_after", "final"),
    *("adagrad", "rmsprop", "adadelta", "adam", "adam_dropout"),
]
HEADS = ["linear_head", "mlp_head", "conv_head", "conv_head_pooled", "frozen"]


def test_the_study_holds_the_variants_of_the_report():
    assert list(variants.resolve(SHIPPED)) == [*SCRATCH, *HEADS, "fine_tuned"]
    assert variants.names(SHIPPED) == [*SCRATCH, *HEADS, "fine_tuned"]
    assert len(SCRATCH) + len(HEADS) + 1 == 26


EPOCHS = dict.fromkeys(SCRATCH, 30) | dict.fromkeys(SCRATCH[11:], 60)
EPOCHS |= dict.fromkeys(HEADS, 20) | {"frozen": 10, "fine_tuned": 10}


def test_the_study_trains_as_long_as_the_report():
    assert {name: variant["epochs"] for name, variant in variants.resolve(SHIPPED).items()} == EPOCHS


@pytest.mark.parametrize(
    ("name", "knobs"),
    [
        ("basenet", {"normalisation": "none", "flip": False, "zoom": 0.0, "filters": [6, 16]}),
        ("basenet", {"dense_units": [50], "batch_size": 32, "batch_norm": "none"}),
        ("normalised", {"normalisation": "featurewise", "flip": False, "zoom": 0.0}),
        ("zoom_50", {"normalisation": "featurewise", "flip": False, "zoom": 0.5}),
        ("flip_zoom_20", {"normalisation": "featurewise", "flip": True, "zoom": 0.2}),
        ("deeper_1", {"flip": False, "zoom": 0.0, "filters": [16, 32, 64, 128], "dense_units": [150]}),
        ("deeper_2", {"filters": [32, 64, 128, 256], "dense_units": [500, 150], "block_dropout": []}),
        ("longer_1", {"block_dropout": [0.25, 0.5], "dense_dropout": [0.25], "flip": False}),
        ("longer_2", {"block_dropout": [0.25, 0.5], "dense_dropout": [0.5, 0.25], "flip": False}),
        ("batch_norm_after", {"batch_norm": "after", "flip": True, "dense_units": [500, 150]}),
        ("final", {"batch_norm": "before", "flip": True, "dense_dropout": [0.5, 0.25]}),
        ("adam_dropout", {"batch_norm": "before", "flip": True, "dense_dropout": [0.6, 0.5]}),
        ("conv_head", {"pooling": "flatten", "filters": [512], "dense_units": [1024]}),
        ("conv_head_pooled", {"pooling": "global_average", "batch_norm": "after"}),
        ("frozen", {"architecture": "dense_head", "end_to_end": True, "dense_units": [1024]}),
        ("fine_tuned", {"starts_from": "frozen", "unfreeze": "all", "flip": False, "zoom": 0.0}),
    ],
)
def test_the_study_sets_the_knobs_of_the_report(name, knobs):
    resolved = variants.resolve(SHIPPED)[name]
    assert {knob: resolved[knob] for knob in knobs} == knobs


@pytest.mark.parametrize(
    ("name", "class_name", "config"),
    [
        ("basenet", "SGD", {"learning_rate": 0.01, "momentum": 0.0}),
        ("final", "SGD", {"learning_rate": 0.01, "momentum": 0.0}),
        ("fine_tuned", "SGD", {"learning_rate": 0.01, "momentum": 0.0}),
        (
            "adagrad",
            "Adagrad",
            {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
        ),
        ("rmsprop", "RMSprop", {"learning_rate": 0.001, "rho": 0.9}),
        ("adadelta", "Adadelta", {"learning_rate": 0.001, "rho": 0.95}),
        ("adam", "Adam", {"learning_rate": 0.001}),
        ("adam_dropout", "Adam", {"learning_rate": 0.001}),
    ],
)
def test_the_study_uses_the_optimizers_of_the_report(name, class_name, config):
    optimizer = variants.resolve(SHIPPED)[name]["optimizer"]
    assert optimizer["class_name"] == class_name
    assert config.items() <= optimizer["config"].items()


def test_the_optimizers_differ_from_final_in_nothing_else():
    resolved = variants.resolve(SHIPPED)
    for name in ("adagrad", "rmsprop", "adadelta", "adam"):
        differing = {knob for knob, value in resolved[name].items() if value != resolved["final"][knob]}
        assert differing == {"name", "optimizer"}


def test_the_report_has_a_row_for_every_variant_and_for_no_other():
    assert list(SHIPPED["report"]) == variants.names(SHIPPED)


def test_comparisons_name_variants():
    named = {name for group in SHIPPED["comparisons"].values() for name in group["variants"]}
    assert named <= set(variants.names(SHIPPED))


@pytest.mark.parametrize("own", [{"zom": 0.2}, {"extends": "basent"}, {"batch_norm": "both"}])
def test_a_mistake_is_reported_where_it_is_made_and_not_where_it_is_inherited(own):
    family = {"basenet": {}, "wrong": own, "child": {"extends": "wrong"}, "grandchild": {"extends": "child"}}
    (line,) = mistakes(variants=family)
    assert line.startswith("variants: variant 'wrong': ")
