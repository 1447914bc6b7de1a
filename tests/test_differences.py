"""What is said of knobs that differ."""

import pytest

from stages.study.differences import line, lines, shown

SGD = {"class_name": "SGD", "config": {"learning_rate": 0.01, "momentum": 0.0}}
ADAM = {"class_name": "Adam", "config": {"learning_rate": 0.001}}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"epochs": 60}, {"epochs": 60}, []),
        ({"epochs": 60}, {"epochs": 8}, ["epochs: 60 -> 8"]),
        ({}, {"schedule": "cosine"}, ["schedule: constant -> cosine"]),  # neutral values are left out
        (
            {"augmentation": [["flip", True]]},
            {"augmentation": [["zoom", 0.2]]},
            ["flip: true -> false", "zoom: 0.0 -> 0.2"],
        ),
        (
            {"network": {"base_net": {"filters": [6], "dense_units": [5]}}},
            {"network": {"deeper_net": {"filters": [6, 7], "dense_units": [5], "batch_norm": "after"}}},
            [
                "network: base_net -> deeper_net",
                "filters: [6] -> [6, 7]",
                "batch_norm: none -> after",
            ],
        ),
        ({"files": {"a": {"bytes": 1}}}, {"files": {"a": {"bytes": 2}}}, ["files.a.bytes: 1 -> 2"]),
    ],
)
def test_each_knob_that_differs_is_a_line_by_its_name_in_params(old, new, said):
    assert lines(old, new) == said


def contents(**changes):
    """What `report` reads of a small study: head `frozen`, and `tuned` that starts from it."""
    return {
        "variants": ["frozen", "tuned"],
        "groups": {"frozen": "heads", "tuned": "fine_tunes"},
        "extends": {"tuned": "frozen"},
        "changes": {
            "frozen": {"parent": None, "knobs": {"epochs": [None, 20], "optimizer": [None, SGD]}},
            "tuned": {"parent": "frozen", "knobs": {"epochs": [20, 5]}},
        },
        "report": {"datasets": {}, "results": {"frozen": {"accuracy": 0.4}}},
        "ladders": [{"name": "up", "title": {"en": "Up", "es": "Arriba"}, "steps": []}],
        "sections": {"1.2": {"title": {"en": "Heads", "es": "Cabezas"}}},
        "claims": [{"section": "1.2", "says": {"en": "It is better. " * 10}}],
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"changes": {"tuned": {"parent": "frozen", "knobs": {"epochs": [20, 8]}}}},
            [
                "heads.frozen.epochs: 20 -> not set",
                f"heads.frozen.optimizer: {shown(SGD)} -> not set",
                "fine_tunes.tuned.epochs: 5 -> 8",
            ],
        ),
        ({"extends": {"tuned": "other"}}, ["fine_tunes.tuned.starts_from: frozen -> other"]),
        (
            {"report": {"datasets": {}, "results": {"frozen": {"accuracy": 0.5}}}},
            ["results.frozen.accuracy: 0.4 -> 0.5"],
        ),
        (
            {"claims": [{"section": "1.2", "says": {"en": "It is better. " * 10 + "!"}}]},
            ["sections.1.2.claims changed"],
        ),
        (
            {"claims": [*contents()["claims"], {"ladder": "up", "says": {"en": "It helps."}}]},
            ['ladders.up.claims: not set -> [{"ladder": "up", "says": {"en": "It helps."}}]'],
        ),
        (
            {"ladders": []},
            ['ladders.up: {"name": "up", "title": {"en": "Up", "es": "Arriba"}, "steps": []} -> not set'],
        ),
        ({"variants": ["tuned", "frozen"]}, ["order changed"]),
    ],
)
def test_what_differs_in_a_study_is_named_as_its_files_have_it(changes, said):
    assert lines(contents(), contents(**changes)) == said


def test_of_optimizers_of_one_class_only_what_differs_is_said():
    faster = SGD | {"config": SGD["config"] | {"learning_rate": 0.1}}
    assert line("optimizer", SGD, faster) == "optimizer.learning_rate: 0.01 -> 0.1"
    assert line("optimizer", SGD, ADAM) == (
        "optimizer: SGD(learning_rate=0.01, momentum=0.0) -> Adam(learning_rate=0.001)"
    )


def test_long_values_are_cut():
    assert shown(list(range(100))).endswith("...")
    assert len(shown("x" * 1000)) == 80


def test_a_text_that_would_control_the_terminal_is_shown_escaped():
    assert line("from", "a", "b\x1b[2J\n") == "from: a -> b\\x1b[2J\\n"
