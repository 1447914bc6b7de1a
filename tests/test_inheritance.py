"""Variants: what they inherit, what their resolved files leave out, and that the study is the report's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.edited_study import SHIPPED, items

CIFAR = {"data": "cifar100"}
HEAD = {"data": "cub200_resnet50", "network": "dense_head", "dense_units": [4]}
SGD = {"class_name": "SGD", "config": {"learning_rate": 0.01, "momentum": 0.0}}
ALWAYS = {"name", "seed", "threads", "epochs", "batch_size", "optimizer"}
STUDY = {name: item.knobs for (_, name), item in items().items() if "optimizer" in item.knobs}


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
        ("stages.networks.base_net",),
    )


NEUTRAL = {"flip": False, "zoom": 0.0, "crop": 0, "cutout": 0, "label_smoothing": 0.0, "schedule": "constant"}
NEUTRAL |= {"warmup": 0.0, "ema": 0.0, "tta_flip": False, "tta_shift": 0, "precision": "float32"}
NEUTRAL |= {"normalisation": "none", "block_dropout": [], "dense_dropout": [], "batch_norm": "none"}


def test_a_knob_set_to_its_neutral_value_is_left_out():
    assert knobs(**NEUTRAL) == knobs()
    assert knobs(zoom=0) == knobs()


def test_knobs_that_are_not_neutral_are_written():
    active = {"label_smoothing": 0.1, "schedule": "cosine", "warmup": 0.05, "ema": 0.99, "tta_flip": True}
    active |= {"tta_shift": 2, "precision": "mixed_bfloat16", "normalisation": "featurewise"}
    assert knobs(**active) == knobs() | active
    assert knobs(batch_norm="after")["network"]["base_net"]["batch_norm"] == "after"


def test_augmentations_have_a_fixed_order_and_name_their_modules():
    item = items(variants={"some": CIFAR | {"cutout": 8, "zoom": 0.2, "crop": 4, "flip": True}})[
        "train", "some"
    ]
    assert item.knobs["augmentation"] == [["flip", True], ["zoom", 0.2], ["crop", 4], ["cutout", 8]]
    assert item.uses == tuple(
        f"stages.{name}"
        for name in ("augmentation.flip", "augmentation.zoom", "augmentation.crop", "augmentation.cutout",
                     "networks.base_net")
    )  # fmt: skip


def test_inherited_knobs_that_a_network_does_not_take_are_left_out():
    family = {"heads": {"parent": HEAD | {"network": "conv_head", "filters": [8], "block_dropout": [0.5]}}}
    family["heads"]["child"] = {"data": "cub200_resnet50", "extends": "parent", "network": "dense_head"}
    assert items(**family)["train_head", "child"].knobs["network"] == {"dense_head": {"dense_units": [4]}}


def test_a_residual_network_takes_its_depth():
    own = {"network": "residual_net", "filters": [8, 16]}
    assert knobs(**own, depth=2)["network"] == {"residual_net": {"filters": [8, 16], "depth": 2}}
    assert knobs(**own, depth=1) == knobs(**own)


def test_a_fine_tune_always_says_what_it_unfreezes():
    tune = {"data": "cub200", "starts_from": "frozen"}
    found = items(fine_tunes={"some": tune})["fine_tune", "some"]
    assert set(found.knobs) == {*ALWAYS, "unfreeze"}
    assert found.uses == ()


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


SCRATCH = [
    *("basenet", "normalised", "zoom_20", "zoom_30", "zoom_50", "flip", "flip_zoom_20"),
    *("deeper_1", "deeper_2", "dropout_1", "dropout_2", "longer_1", "longer_2", "batch_norm_after", "final"),
    *("adagrad", "rmsprop", "adadelta", "adam", "adam_dropout"),
]
HEADS = ["linear_head", "mlp_head", "conv_head", "conv_head_pooled", "frozen"]
EPOCHS = dict.fromkeys(SCRATCH, 30) | dict.fromkeys(SCRATCH[11:], 60)
EPOCHS |= dict.fromkeys(HEADS, 20) | {"frozen": 10, "fine_tuned": 10}


def test_the_study_holds_the_26_variants_of_the_report_trained_as_long():
    assert {name: found["epochs"] for name, found in STUDY.items()} == EPOCHS
    assert list(STUDY) == list(EPOCHS)
    assert len(STUDY) == 26
    assert {name: row["epochs"] for name, row in SHIPPED["report"]["results"].items()} == EPOCHS


BASENET = {"filters": [6, 16], "dense_units": [50]}
DEEPER_1 = {"filters": [16, 32, 64, 128], "dense_units": [150]}
DEEPER_2 = {"filters": [32, 64, 128, 256], "dense_units": [500, 150]}
DROPOUT_2 = DEEPER_2 | {"block_dropout": [0.25, 0.5], "dense_dropout": [0.5, 0.25]}
MLP = {"dense_units": [1024], "dense_dropout": [0.4]}
CONV = MLP | {"filters": [512], "block_dropout": [0.4], "batch_norm": "after"}


@pytest.mark.parametrize(
    ("name", "network", "augmentation"),
    [
        ("basenet", {"base_net": BASENET}, []),
        ("zoom_50", {"base_net": BASENET}, [["zoom", 0.5]]),
        ("flip_zoom_20", {"base_net": BASENET}, [["flip", True], ["zoom", 0.2]]),
        ("deeper_1", {"deeper_net": DEEPER_1}, []),
        ("deeper_2", {"deeper_net": DEEPER_2}, []),
        ("longer_1", {"deeper_net": DEEPER_1 | {"block_dropout": [0.25, 0.5], "dense_dropout": [0.25]}}, []),
        ("longer_2", {"deeper_net": DROPOUT_2}, []),
        ("batch_norm_after", {"deeper_net": DROPOUT_2 | {"batch_norm": "after"}}, [["flip", True]]),
        ("final", {"deeper_net": DROPOUT_2 | {"batch_norm": "before"}}, [["flip", True]]),
        ("linear_head", {"dense_head": {"dense_units": []}}, []),
        ("frozen", {"dense_head": MLP}, []),
        ("conv_head", {"conv_head": CONV | {"pooling": "flatten"}}, []),
        ("conv_head_pooled", {"conv_head": CONV | {"pooling": "global_average"}}, []),
    ],
)  # fmt: skip
def test_the_study_has_the_networks_of_the_report(name, network, augmentation):
    assert STUDY[name]["network"] == network
    assert STUDY[name].get("augmentation", []) == augmentation
    assert STUDY[name]["seed"] == 0
    is_normalised = name in SCRATCH and name != "basenet"
    assert STUDY[name].get("normalisation", "none") == ("featurewise" if is_normalised else "none")


OPTIMIZERS = {
    "adagrad": ("Adagrad", {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.001, "rho": 0.9}),
    "adadelta": ("Adadelta", {"learning_rate": 0.001, "rho": 0.95}),
    "adam": ("Adam", {"learning_rate": 0.001}),
}


@pytest.mark.parametrize("name", STUDY)
def test_the_study_uses_the_optimizers_of_the_report(name):
    class_name, config = OPTIMIZERS.get(name.removesuffix("_dropout"), ("SGD", SGD["config"]))
    assert STUDY[name]["optimizer"]["class_name"] == class_name
    assert config.items() <= STUDY[name]["optimizer"]["config"].items()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_optimizers_differ_from_final_in_nothing_else(name):
    differing = {knob for knob, value in STUDY[name].items() if value != STUDY["final"][knob]}
    assert differing == {"name", "optimizer"}
