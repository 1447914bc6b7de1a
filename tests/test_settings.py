"""Settings: what a resolved file leaves out is neutral; what makes two runs one recipe."""

import dataclasses

import pytest

from benchmarks import studies
from stages.study import inheritance
from stages.training.settings import Settings, from_knobs, recipe

NEEDED = ("name", "seed", "threads", "epochs", "batch_size", "optimizer")
GIVEN = ("network", "augmentation", "unfreeze")  # fine-tunes alone have the last, and always


def test_knobs_that_are_left_out_have_the_neutral_value_of_the_schema():
    settings = from_knobs({knob: studies.KNOBS[knob] for knob in NEEDED})
    assert (settings.network, settings.augmentation) == ({}, ())
    neutral = {knob: value for knobs in inheritance.KNOBS.values() for knob, value in knobs.items()}
    others = {field.name for field in dataclasses.fields(Settings)} - {*NEEDED, *GIVEN}
    assert {knob: getattr(settings, knob) for knob in others} == {knob: neutral[knob] for knob in others}


def test_knobs_that_are_set_are_taken_in_their_order():
    settings = studies.settings(epochs=7, ema=0.5, augmentation=[["zoom", 0.1], ["flip", True]])
    assert (settings.epochs, settings.ema) == (7, 0.5)
    assert settings.augmentation == (("zoom", 0.1), ("flip", True))


def test_a_knob_that_training_does_not_know_is_a_bug():
    with pytest.raises(TypeError, match="unexpected keyword argument 'zooom'"):
        studies.settings(zooom=0.1)


def test_runs_of_one_recipe_differ_in_name_and_seed_alone():
    expected = recipe(studies.knobs())
    assert recipe(studies.knobs(name="other", seed=1)) == expected
    assert recipe(dict(reversed(studies.knobs().items()))) == expected
    changes = ({"epochs": 4}, {"ema": 0.9}, {"augmentation": []}, {"network": {}}, {"threads": 1})
    assert len({expected, *(recipe(studies.knobs(**change)) for change in changes)}) == 6
