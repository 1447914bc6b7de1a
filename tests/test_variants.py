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
    """The one line about a variant `some` with these knobs, without its section."""
    if group == "fine_tunes":
        line, *others = mistakes(heads={"head": HEAD | {"end_to_end": True}}, fine_tunes={"some": own})
    else:
        line, *others = mistakes(**{group: {"some": own}})
    assert not others
    assert line.startswith(f"{group}.some")
    return line.removeprefix(f"{group}.some").removeprefix(".")


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


def test_an_unknown_knob_names_the_near_one():
    assert mistakes(variants={"vgg_wide": {"batch_nrom": "after"}}) == [
        "variants.vgg_wide.batch_nrom is unknown. Did you mean 'batch_norm'?"
    ]


def test_an_unknown_knob_near_to_none_names_them_all():
    assert mistake({"qqq": 1}) == (
        "qqq is unknown. Known here: extends, seed, threads, epochs, batch_size, optimizer, flip, zoom,"
        " architecture, filters, dense_units, block_dropout, dense_dropout, batch_norm, normalisation"
    )


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
        ({"starts_from": "head"}, "variants"),
        ({"starts_from": "head"}, "heads"),
    ],
)
def test_a_knob_of_another_section_is_unknown(own, group):
    (knob,) = own
    whole = own | {"variants": {}, "heads": HEAD, "fine_tunes": {"starts_from": "head"}}[group]
    assert mistake(whole, group).startswith(f"{knob} is unknown.")


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"zoom": 1}, "zoom is 1, expected a number, at least 0.0 and below 1.0; write 1.0"),
        (
            {"zoom": "2e-1"},
            "zoom is '2e-1', expected a number, at least 0.0 and below 1.0; write it without quotes",
        ),
        ({"epochs": 2.0}, "epochs is 2.0, expected a whole number from 1 to 100000"),
        ({"epochs": True}, "epochs is True, expected a whole number from 1 to 100000"),
        ({"epochs": None}, "epochs is None, expected a whole number from 1 to 100000"),
        (
            {"epochs": "30"},
            "epochs is '30', expected a whole number from 1 to 100000; write it without quotes",
        ),
        ({"flip": 1}, "flip is 1, expected true or false"),
        ({"flip": "yes"}, "flip is 'yes', expected true or false"),
        ({"filters": 6}, "filters is 6, expected a list, each item a whole number from 1 to 65536"),
        ({"optimizer": "SGD"}, "optimizer is 'SGD', expected a mapping; {} is an empty one"),
        (
            {"architecture": ["base_net"]},
            "architecture is ['base_net'], expected one of base_net, deeper_net, dense_head, conv_head",
        ),
        ({"extends": ["b"]}, "extends is ['b'], expected a name under variants."),
        ({"extends": None}, "extends is None, expected a name under variants."),
        ("epochs", " is 'epochs', expected a mapping; {} is an empty one"),
        (None, " is None, expected a mapping; {} is an empty one"),
    ],
)
def test_a_value_of_another_type_is_an_error(own, message):
    assert mistake(own) == message


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        *[("epochs", number) for number in (0, -3, 100_001)],
        *[("batch_size", number) for number in (0, -1, 65_537)],
        *[("threads", number) for number in (0, -1, 1025)],
        *[("seed", number) for number in (-1, 2**32)],
        *[("zoom", number) for number in (1.0, -0.1, float("nan"), float("inf"))],
        ("batch_norm", "both"),
        ("normalisation", "all"),
        ("optimizer", {"class_name": "SGD"}),
    ],
)
def test_a_value_out_of_range_is_one_error_at_its_knob(knob, value):
    assert mistake({knob: value}).startswith(knob)


@pytest.mark.parametrize(
    ("knob", "value"),
    [("epochs", 1), ("epochs", 100_000), ("seed", 0), ("seed", 2**32 - 1), ("zoom", 0.0), ("threads", 1024)],
)
def test_the_ends_of_a_range_belong_to_it(knob, value):
    assert variants.resolve(study(variants={"some": {knob: value}}))["some"][knob] == value


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"filters": [6, 0]}, "filters[1] is 0, expected a whole number from 1 to 65536"),
        ({"dense_units": [True]}, "dense_units[0] is True, expected a whole number from 1 to 65536"),
        ({"filters": [2**20, 1]}, "filters[0] is 1048576, expected a whole number from 1 to 65536"),
        ({"dense_dropout": [1.0]}, "dense_dropout[0] is 1.0, expected a number, at least 0.0 and below 1.0"),
        (
            {"dense_dropout": [1]},
            "dense_dropout[0] is 1, expected a number, at least 0.0 and below 1.0; write 1.0",
        ),
        ({"architecture": "conv_head"}, "architecture is 'conv_head', expected one of base_net, deeper_net"),
        (
            DEEPER | {"filters": [1, 2, 3]},
            "filters is [1, 2, 3], expected an even number of sizes, two a block",
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
def test_layers_that_cannot_be_built_are_an_error(own, message):
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
            "end_to_end is True, expected false, as only a dense_head can be",
        ),
    ],
)
def test_a_head_that_cannot_be_built_is_an_error(own, message):
    assert mistake(own, "heads") == message


def test_an_unknown_parent_names_the_near_one():
    assert mistakes(variants={"normalised": {}, "flip": {"extends": "normalized"}}) == [
        "variants.flip.extends is 'normalized', expected a name under variants. Did you mean 'normalised'?"
    ]


def test_a_parent_in_another_section_is_unknown():
    assert mistakes(variants={"base": {}}, heads={"head": {"extends": "base"}}) == [
        "heads.head.extends is 'base', expected a name under heads."
    ]


def test_a_circle_of_extends_is_drawn_once():
    section = {"a": {"extends": "b"}, "b": {"extends": "c"}, "c": {"extends": "b"}, "own": {"extends": "own"}}
    assert mistakes(variants=section) == [
        "variants.b.extends leads back to itself: b -> c -> b",
        "variants.own.extends leads back to itself: own -> own",
    ]


UNFIT = ["x; touch pwned", "$(id)", "../x", "--help", "a/b", "a b", "a@b", "a.b", "", "$HOME", "é", "x\n"]


@pytest.mark.parametrize("name", [*UNFIT, "a" * 65, 7, True, None, 1.5])
def test_a_name_unfit_for_a_command_or_a_path_is_an_error(name):
    (line,) = mistakes(variants={name: {}})
    assert line.startswith("variants")
    assert line.endswith("is no name: letters, digits, _ and - only, at most 64, not - first")


@pytest.mark.parametrize("name", ["a", "_x", "final_seed-1", "3x3", "a" * 64])
def test_a_fit_name_is_none(name):
    assert list(variants.resolve(study(variants={name: {}}))) == [name]


def test_names_that_differ_in_capitals_alone_are_an_error():
    assert mistakes(variants={"final": {}, "Final": {}}) == [
        "variants.Final is taken by variants.final; file systems may not tell capitals from small letters"
    ]


def test_a_name_taken_by_another_section_is_an_error():
    (line,) = mistakes(variants={"twice": {}}, heads={"twice": HEAD})
    assert line.startswith("heads.twice is taken by variants.twice")


NOT_THERE = "starts_from is {!r}, expected a name under heads."
NOT_END_TO_END = "starts_from is {!r}, expected a head with end_to_end: true"


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"starts_from": "heat"}, NOT_THERE.format("heat") + " Did you mean 'head'?"),
        ({"starts_from": 5}, NOT_THERE.format(5)),
        ({"starts_from": ["head"]}, NOT_THERE.format(["head"]) + " Did you mean 'head'?"),
        ({"starts_from": "some"}, NOT_THERE.format("some")),
        ({}, " lacks starts_from"),
    ],
)
def test_a_fine_tune_that_starts_from_no_head_is_an_error(own, message):
    assert mistake(own, "fine_tunes") == message


def test_a_fine_tune_starts_from_an_end_to_end_head():
    heads = {"head": HEAD, "whole": HEAD | {"end_to_end": True}}
    assert mistakes(heads=heads, fine_tunes={"some": {"starts_from": "head"}}) == [
        f"fine_tunes.some.{NOT_END_TO_END.format('head')}"
    ]
    resolved = variants.resolve(study(heads=heads, fine_tunes={"some": {"starts_from": "whole"}}))
    assert resolved["some"]["starts_from"] == "whole"


def test_starts_from_is_not_inherited():
    heads = {"head": HEAD | {"end_to_end": True}}
    fine_tunes = {"some": {"starts_from": "head"}, "child": {"extends": "some", "epochs": 2}}
    assert mistakes(heads=heads, fine_tunes=fine_tunes) == ["fine_tunes.child lacks starts_from"]


def test_several_mistakes_are_reported_at_once_also_of_one_variant():
    assert mistakes(
        variants={"a": {"epochs": 0, "zom": 1}, "good": {}, "b": {"zoom": 1, "extends": "god"}},
        heads={"c": HEAD | {"flip": True}},
        fine_tunes={"d": {"starts_from": "e"}},
    ) == [
        "variants.a.zom is unknown. Did you mean 'zoom'?",
        "variants.a.epochs is 0, expected a whole number from 1 to 100000",
        "variants.b.zoom is 1, expected a number, at least 0.0 and below 1.0; write 1.0",
        "variants.b.extends is 'god', expected a name under variants. Did you mean 'good'?",
        "heads.c.flip is unknown. Known here: extends, seed, threads, epochs, batch_size, optimizer,"
        " architecture, filters, dense_units, block_dropout, dense_dropout, batch_norm, pooling, end_to_end",
        "fine_tunes.d.starts_from is 'e', expected a name under heads.",
    ]


def test_rules_between_knobs_are_checked_as_far_as_their_knobs_are_known():
    section = {
        "lost": DEEPER | {"extends": "nobody"},
        "child": {"extends": "lost", "filters": [1, 2, 3]},
        "wrong": DEEPER | {"filters": "many", "block_dropout": [0.5]},
    }
    assert mistakes(variants=section) == [
        "variants.lost.extends is 'nobody', expected a name under variants.",
        "variants.child.filters is [1, 2, 3], expected an even number of sizes, two a block",
        "variants.wrong.filters is 'many', expected a list, each item a whole number from 1 to 65536",
    ]


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"variants": ["a"]}, "variants is ['a'], expected a mapping; {} is an empty one"),
        ({"variants": None}, "variants is None, expected a mapping; {} is an empty one"),
        ({"defaults": None}, "defaults is None, expected a mapping; {} is an empty one"),
        ({"defaults": DEFAULTS | {"color": 1}}, "defaults.color is unknown. Known here: "),
        ({"defaults": {knob: DEFAULTS[knob] for knob in DEFAULTS if knob != "zoom"}}, "defaults lacks zoom"),
        ({"defaults": DEFAULTS | {"epochs": -1}}, "defaults.epochs is -1, expected a whole number from 1"),
    ],
    ids=str,
)
def test_a_mistake_in_a_section_or_the_defaults_is_told_once(sections, line):
    (found,) = mistakes(**({"variants": {"a": {}, "b": {"extends": "a"}}} | sections))
    assert found.startswith(line)


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


@pytest.mark.parametrize(
    "own", [{"zom": 0.2}, {"extends": "basent"}, {"batch_norm": "both"}, {"block_dropout": [0.5]}]
)
def test_a_mistake_is_reported_where_it_is_made_and_not_where_it_is_inherited(own):
    family = {"basenet": {}, "wrong": own, "child": {"extends": "wrong"}, "grandchild": {"extends": "child"}}
    (line,) = mistakes(variants=family)
    assert line.startswith("variants.wrong.")
