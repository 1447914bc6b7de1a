"""The `datasets` block of params.yaml: what is read of it, and every mistake in it."""

from pathlib import Path

import pytest

from stages import parameters
from stages.datasets.recipes import Recipe, mistakes, recipe
from stages.errors import InputError

RECIPE = {"classes": [0], "image_size": 32, "validation_share": 0.1, "split_seed": 0}


def lines(block, dataset="cifar100"):
    return [str(mistake) for mistake in mistakes({"datasets": {dataset: block}}, [dataset])]


def test_a_recipe_is_the_block_of_one_data_set():
    study = {"datasets": {"cifar100": RECIPE, "cub200": "not looked at"}}
    assert recipe("cifar100", study) == Recipe([0], 32, 0.1, 0)


def test_the_studys_own_recipes_are_in_order():
    study = parameters.load(Path(__file__).parents[1] / "params.yaml", mistakes)
    assert recipe("cifar100", study).classes == ["0-24"]


@pytest.mark.parametrize(
    ("block", "line"),
    [
        (None, " is None, expected a mapping; {} is an empty one"),
        (
            RECIPE | {"sed": 1},
            ".sed is unknown. Known here: classes, image_size, validation_share, split_seed",
        ),
        ({key: RECIPE[key] for key in ("classes", "image_size", "split_seed")}, " lacks validation_share"),
        (
            RECIPE | {"validation_share": 0},
            ".validation_share is 0, expected a number, above 0.0 and below 1.0; write 0.0",
        ),
        (
            RECIPE | {"validation_share": 0.0},
            ".validation_share is 0.0, expected a number, above 0.0 and below",
        ),
        (
            RECIPE | {"validation_share": 1.0},
            ".validation_share is 1.0, expected a number, above 0.0 and below",
        ),
        (
            RECIPE | {"classes": "all"},
            ".classes is 'all', expected a list such as [all], [0-24] or [apple, bear]",
        ),
        (RECIPE | {"image_size": True}, ".image_size is True, expected a whole number from 8 to 1024"),
        (RECIPE | {"image_size": 4}, ".image_size is 4, expected a whole number from 8 to 1024"),
        (RECIPE | {"split_seed": -1}, ".split_seed is -1, expected a whole number from 0 to 4294967295"),
    ],
)
def test_a_recipe_that_is_none_is_an_error(block, line):
    (found,) = lines(block)
    assert found.startswith(f"datasets.cifar100{line}")
    with pytest.raises(InputError):
        recipe("cifar100", {"datasets": {"cifar100": block}})


def test_a_misspelt_knob_is_not_missed_as_well():
    block = {key.replace("image_size", "image_sise"): value for key, value in RECIPE.items()}
    assert lines(block) == ["datasets.cifar100.image_sise is unknown. Did you mean 'image_size'?"]


def test_a_misspelt_data_set_is_named():
    study = {"datasets": {"cifar10": RECIPE, "cub200": RECIPE}}
    assert [str(mistake) for mistake in mistakes(study)] == [
        "datasets.cifar10 is unknown. Did you mean 'cifar100'?"
    ]


@pytest.mark.parametrize("datasets", [None, [], 5])
def test_a_section_of_another_kind_is_an_error(datasets):
    (found,) = mistakes({"datasets": datasets})
    assert str(found).startswith("datasets is ")


def test_all_mistakes_are_told_at_once():
    block = {"classes": [101, 5, "3-9"], "image_size": "32", "validation_share": 2.0, "split_seed": None}
    assert len(lines(block)) == 5


def test_classes_are_checked_as_far_as_they_are_known_without_the_archive():
    assert lines(RECIPE | {"classes": [99, "no such name"]}) == []
    assert lines(RECIPE | {"classes": [100]}) != []
    assert lines(RECIPE | {"classes": [199]}, "cub200") == []
    assert lines(RECIPE | {"classes": [200]}, "cub200") != []
    assert lines(RECIPE | {"classes": ["owl", "Owl"]}, "cub200") != []
