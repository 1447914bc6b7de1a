"""Variants: what they inherit, what their resolved files leave out, and that the study is the report's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.edited_study import REPORT, SHIPPED, items

CIFAR = {"data": "cifar100"}
HEAD = {"data": "cub200_resnet50", "network": "dense_head", "dense_units": [4]}
SGD = {"class_name": "SGD", "config": {"learning_rate": 0.01, "momentum": 0.0}}
ALWAYS = {"name", "seed", "threads", "epochs", "batch_size", "optimizer"}
STUDY = {name: item.knobs for (_, name), item in items().items() if "seed" in item.knobs}


def knobs(group="variants", stage="train", **own):
    return items(**{group: {"some": CIFAR | own}})[stage, "some"].knobs


def test_a_variant_of_neutral_knobs_has_only_what_every_training_needs():
    assert items(variants={"some": CIFAR})["train", "some"] == (
        "train",
        "some",
        {
            "name": "some",
            "seed": 0,
            "threads": 1,
            "epochs": 30,
            "batch_size": 32,
            "optimizer": SGD,
            "network": {"base_net": {"filters": [6, 16], "dense_units": [50]}},
        },
        (
            "stages.trainers.sgd",
            "stages.losses.cross_entropy",
            "stages.schedules.constant",
            "stages.networks.base_net",
        ),
    )


NEUTRAL = {"flip": False, "zoom": 0.0, "crop": 0, "cutout": 0, "label_smoothing": 0.0, "schedule": "constant"}
NEUTRAL |= {"warmup": 0.0, "ema": 0.0, "views": {"mirror": False, "shift": 0}, "precision": "float32"}
NEUTRAL |= {"normalisation": "none", "block_dropout": [], "dense_dropout": [], "batch_norm": "none"}
NEUTRAL |= {"seeds": 1, "trainer": "sgd", "loss": "cross_entropy", "rate_multipliers": {}, "patience": 0}
NEUTRAL |= {"weight_decay_on": "all", "class_weights": "none", "restore_best": False, "monitor": "val_loss"}
NEUTRAL |= {
    "alternating_flip": False,
    "random_resized_crop": 0,
    "cutmix": 0,
    "mixup": 0,
    "activation": "relu",
}


def test_a_knob_set_to_its_neutral_value_is_left_out():
    assert knobs(**NEUTRAL) == knobs()
    assert knobs(zoom=0) == knobs()


def test_knobs_that_are_not_neutral_are_written():
    active = {"label_smoothing": 0.1, "schedule": "cosine", "warmup": 0.05, "ema": 0.99, "seeds": 3}
    active |= {"views": {"mirror": True}, "precision": "mixed_bfloat16", "normalisation": "featurewise"}
    active |= {"rate_multipliers": {"conv5": 0.1}, "patience": 5, "restore_best": True}
    assert knobs(**active) == knobs() | active
    assert knobs(views={"mirror": False, "shift": 2})["views"] == {"shift": 2}
    assert knobs(batch_norm="after")["network"]["base_net"]["batch_norm"] == "after"


def test_augmentations_have_a_fixed_order_and_name_their_modules():
    own = {"mixup": 0.2, "cutmix": 0.5, "cutout": 8, "zoom": 0.2, "crop": 4, "alternating_flip": True}
    item = items(variants={"some": CIFAR | own | {"random_resized_crop": 0.5}})["train", "some"]
    order = ["alternating_flip", "zoom", "random_resized_crop", "crop", "cutout", "cutmix", "mixup"]
    assert [name for name, _ in item.knobs["augmentation"]] == order
    assert {f"stages.augmentation.{name}" for name in order} <= set(item.uses)


def test_a_convex_head_has_the_knobs_of_its_trainer_alone():
    own = {"trainer": "convex", "penalties": [0.1, 0.01], "feature_steps": ["square_root", "l2_norm"]}
    own |= {"extends": "linear_head", "monitor": "val_accuracy"}  # which has seeds: 3
    item = items(heads={"some": {"data": "cub200_resnet50"} | own})["train_head", "some"]
    assert item.knobs == {
        "name": "some", "seed": 0, "threads": 1, "trainer": "convex", "penalties": [0.1, 0.01],
        "monitor": "val_accuracy", "network": {"dense_head": {"dense_units": []}},
        "feature_steps": ["square_root", "l2_norm"],
    }  # fmt: skip
    assert sorted(item.uses) == [
        "stages.feature_steps.l2_norm",
        "stages.feature_steps.square_root",
        "stages.networks.dense_head",
        "stages.trainers.convex",
    ]


def test_a_training_names_the_modules_that_its_knobs_name():
    own = {"network": "residual_net", "filters": [8], "schedule": "cosine", "loss": "squared_error"}
    uses = items(variants={"some": CIFAR | own})["train", "some"].uses
    assert {"stages.schedules.cosine", "stages.losses.squared_error", "stages.pooling.average"} <= set(uses)
    item = items(variants={"some": CIFAR | own | {"pooling": "gem"}})["train", "some"]
    assert "stages.pooling.gem" in item.uses
    assert item.knobs["network"] == {"residual_net": {"filters": [8], "pooling": "gem"}}
    assert "stages.pooling.flatten" not in items()["train_head", "conv_head"].uses


def test_features_have_what_is_not_neutral_and_prepare_the_sizes_they_ask_for():
    entry = SHIPPED["features"]["cub200_resnet50"] | {"maps": True, "views": {"shift": 0}}
    wide = entry | {"image_size": 448, "pooling": ["average", {"gem": 3}], "layers": ["conv4", "conv5"]}
    found = items(features={"plain": entry, "wide": wide | {"maps": False, "views": {"mirror": True}}})
    assert found["cache_features", "plain"][2:] == (
        {"threads": 2, "batch_size": 32},
        ("stages.pooling.average",),
    )
    assert found["cache_features", "wide"][2:] == (
        {
            "threads": 2,
            "batch_size": 32,
            "pooling": ["average", {"gem": 3.0}],
            "layers": ["conv4", "conv5"],
            "maps": False,
            "views": {"mirror": True},
        },
        ("stages.pooling.average", "stages.pooling.gem"),
    )
    shipped = {entry["image_size"] for entry in SHIPPED["features"].values() if entry["dataset"] == "cub200"}
    assert found["prepare", "cub200"].knobs["sizes"] == sorted({224, 448} | shipped)
    assert found["prepare", "cifar100"].knobs["sizes"] == []


def test_inherited_knobs_that_a_network_does_not_take_are_left_out():
    family = {"heads": {"parent": HEAD | {"network": "conv_head", "filters": [8], "pooling": "max"}}}
    family["heads"]["child"] = {"data": "cub200_resnet50", "extends": "parent", "network": "dense_head"}
    assert items(**family)["train_head", "child"].knobs["network"] == {"dense_head": {"dense_units": [4]}}


def test_a_fine_tune_always_says_what_it_unfreezes():
    tune = {"data": "cub200", "starts_from": "frozen"}
    found = items(fine_tunes={"some": tune})["fine_tune", "some"]
    assert set(found.knobs) == {*ALWAYS, "unfreeze"}
    assert not [module for module in found.uses if "networks" in module]


def test_a_child_replaces_its_parents_optimizer_whole():
    parent = {"optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.1, "beta_1": 0.5}}}
    family = {"parent": CIFAR | parent, "child": CIFAR | {"extends": "parent", "optimizer": SGD}}
    assert items(variants=family)["train", "child"].knobs["optimizer"] == SGD


OWN = st.fixed_dictionaries(
    {},
    optional={
        "epochs": st.integers(1, 9),
        "seed": st.integers(0, 9),
        "flip": st.booleans(),
        "zoom": st.sampled_from([0.0, 0.2, 0.5]),
        "normalisation": st.sampled_from(["none", "featurewise"]),
    },
)


@settings(deadline=None, max_examples=40)
@given(owns=st.lists(OWN, min_size=1, max_size=6), parents=st.lists(st.integers(0, 99), min_size=6))
def test_a_child_is_the_variant_that_states_all_it_inherits(owns, parents):
    section, stated = {}, []
    for number, own in enumerate(owns):
        parent = parents[number] % number if number else None
        extends = {} if parent is None else {"extends": f"v{parent}"}
        stated.append(({} if parent is None else stated[parent]) | own)
        section[f"v{number}"] = CIFAR | own | extends
    plain = {f"w{number}": CIFAR | all_knobs for number, all_knobs in enumerate(stated)}
    found = items(variants=dict(reversed(section.items())) | plain)
    for number in range(len(owns)):
        child, same = (found["train", f"{letter}{number}"].knobs for letter in "vw")
        assert child | {"name": ""} == same | {"name": ""}


EPOCHS = {name: row["epochs"] for name, row in REPORT["results"].items()}


def test_the_rows_of_the_report_are_among_the_variants_trained_as_long():
    assert len(EPOCHS) == 27  # with fine_tuned's second reading
    assert {name: STUDY[name].get("epochs") for name in EPOCHS} == EPOCHS
    assert [name for name in STUDY if name in EPOCHS] == list(EPOCHS)


OPTIMIZERS = {
    "adagrad": ("Adagrad", {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.001, "rho": 0.9}),
    "adadelta": ("Adadelta", {"learning_rate": 0.001, "rho": 0.95}),
    "adam": ("Adam", {"learning_rate": 0.001}),
}


@pytest.mark.parametrize("name", [*OPTIMIZERS, "final"])
def test_the_study_uses_the_optimizers_of_the_report_and_changes_nothing_else(name):
    class_name, config = OPTIMIZERS.get(name, ("SGD", SGD["config"]))
    assert STUDY[name]["optimizer"]["class_name"] == class_name
    assert config.items() <= STUDY[name]["optimizer"]["config"].items()
    differing = {knob for knob, value in STUDY[name].items() if value != STUDY["final"][knob]}
    assert differing <= {"name", "optimizer"}
