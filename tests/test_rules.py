"""Rules between entries and between knobs of params.yaml, reported before anything runs."""

import pytest

from tests.edited_study import SHIPPED, items, mistakes

CIFAR = {"data": "cifar100"}
DEEPER = CIFAR | {"network": "deeper_net", "filters": [1, 2, 3, 4]}
RESIDUAL = CIFAR | {"network": "residual_net", "filters": [8, 16]}
HEAD = {"data": "cub200_resnet50", "network": "dense_head", "dense_units": [4]}
CONV_HEAD = HEAD | {"network": "conv_head", "filters": [4]}
PETS = {"format": "folder", "from": "my_images", "test_share": 0.3}
TUNE = {"data": "cub200", "starts_from": "frozen"}
COSINE = {"class_name": "CosineDecay", "config": {"initial_learning_rate": 0.1, "decay_steps": 10}}
SGD = {"class_name": "SGD", "config": {"learning_rate": COSINE}}


@pytest.mark.parametrize(
    ("group", "own", "message"),
    [
        ("variants", CIFAR | {"block_dropout": [0.1]}, "block_dropout is [0.1], expected [] or 2 rates"),
        ("variants", CIFAR | {"dense_dropout": [0.1, 0.2]}, "dense_dropout is [0.1, 0.2], expected [] or 1"),
        ("variants", DEEPER | {"block_dropout": [0.1] * 4}, "block_dropout is [0.1, 0.1, 0.1, 0.1], expecte"),
        ("variants", DEEPER | {"filters": [1, 2, 3]}, "filters is [1, 2, 3], expected an even number of siz"),
        ("variants", RESIDUAL | {"block_dropout": [0.1]}, "block_dropout is [0.1], expected [] or 2 rates"),
        ("variants", RESIDUAL | {"filters": []}, "filters is [], expected at least one size"),
        ("variants", RESIDUAL | {"dense_units": [5]}, "dense_units is not a knob of residual_net, which tak"),
        ("variants", CIFAR | {"depth": 2}, "depth is not a knob of base_net, which takes filters, dense_uni"),
        ("variants", CIFAR | {"pooling": "flatten"}, "pooling is not a knob of base_net"),
        ("heads", HEAD | {"filters": [5]}, "filters is not a knob of dense_head"),
        ("heads", CONV_HEAD | {"filters": [5, 6]}, "filters is [5, 6], expected one size"),
        ("heads", CONV_HEAD | {"block_dropout": [0.1, 0.1]}, "block_dropout is [0.1, 0.1], expected [] or 1"),
        ("heads", HEAD | {"network": "deeper_net"}, "network is 'deeper_net', expected one of conv_head, de"),
        ("variants", CIFAR | {"network": "conv_head"}, "network is 'conv_head', expected one of base_net, d"),
        ("heads", CONV_HEAD | {"end_to_end": True}, "end_to_end is True, expected false, as conv_head does"),
        ("variants", CIFAR | {"crop": 32}, "crop is 32, expected at most 31 on images of 32 pixels"),
        ("variants", CIFAR | {"cutout": 33}, "cutout is 33, expected at most 32 on images of 32 pixels"),
        ("fine_tunes", TUNE | {"tta_shift": 224}, "tta_shift is 224, expected at most 223 on images of 224"),
        ("variants", CIFAR | {"optimizer": SGD, "warmup": 0.1}, "optimizer.config.learning_rate is a schedu"),
        ("heads", HEAD | {"optimizer": SGD, "schedule": "linear"}, "optimizer.config.learning_rate is a sch"),
        ("variants", {"data": "cifar10"}, "data is 'cifar10', expected a name under datasets. Did you mean"),
        ("heads", HEAD | {"data": "cub200"}, "data is 'cub200', expected a name under features."),
        ("variants", CIFAR | {"extends": "frozen"}, "extends is 'frozen', expected a name under variants."),
        ("fine_tunes", TUNE | {"starts_from": "froze"}, "starts_from is 'froze', expected a name under head"),
        ("fine_tunes", TUNE | {"starts_from": "mlp_head"}, "starts_from is 'mlp_head', expected a head with"),
        ("fine_tunes", TUNE | {"data": "cifar100"}, "data is 'cifar100', expected 'cub200', from which froz"),
    ],
    ids=str,
)  # fmt: skip
def test_knobs_that_do_not_fit_are_reported_with_what_was_expected(group, own, message):
    (line,) = mistakes(**{group: {"some": own}})
    assert line.startswith(f"{group}.some.{message}")


@pytest.mark.parametrize(
    ("group", "own"),
    [
        ("variants", CIFAR | {"block_dropout": [0.1, 0.2], "dense_dropout": [0.5]}),
        ("variants", DEEPER | {"block_dropout": [0.1, 0.2]}),
        ("variants", RESIDUAL | {"depth": 3, "block_dropout": [0.1, 0.2]}),
        ("variants", CIFAR | {"filters": [], "crop": 31, "cutout": 32, "tta_shift": 31}),
        ("variants", CIFAR | {"schedule": "cosine", "warmup": 0.1}),
        ("variants", CIFAR | {"optimizer": SGD}),
        ("heads", CONV_HEAD | {"block_dropout": [0.5]}),
        ("heads", HEAD | {"end_to_end": True}),
        ("fine_tunes", TUNE | {"flip": True, "unfreeze": "conv5"}),
    ],
    ids=str,
)
def test_knobs_that_fit_are_accepted(group, own):
    assert mistakes(**{group: {"some": own}}) == []


def test_filters_for_which_images_are_too_small_name_the_knob():
    """32 -> (32 - 4) / 2 = 14 -> 5 -> 0: a 5x5 convolution or two 3x3 take 4 pixels, the pooling half."""
    assert mistakes(variants={"some": CIFAR | {"filters": [6, 16, 32, 64, 128]}}) == [
        "variants.some.filters is [6, 16, 32, 64, 128], expected at most 2 sizes on images of 32 pixels"
        " (32 -> 14 -> 5, no room left)"
    ]
    assert len(mistakes(variants={"some": DEEPER | {"filters": [4] * 6}})) == 1
    larger = {"datasets": {"large": SHIPPED["datasets"]["cifar100"] | {"image_size": 64}}}  # 30, 13, 4
    on_large = {"data": "large", "filters": [4] * 3}
    assert mistakes(variants={"some": on_large}, **larger) == []
    assert len(mistakes(variants={"some": on_large | {"filters": [4] * 4}}, **larger)) == 1
    assert mistakes(variants={"some": RESIDUAL | {"filters": [4] * 9}}) == []  # its padding keeps a pixel


@pytest.mark.parametrize(
    "own",
    [{"zom": 0.2}, {"extends": "basent"}, {"batch_norm": "both"}, {"block_dropout": [0.5]}, {"depth": 2}],
)
def test_a_mistake_is_reported_where_it_is_made_and_not_where_it_is_inherited(own):
    family = {"wrong": own, "child": {"extends": "wrong"}, "grandchild": {"extends": "child"}}
    (line,) = mistakes(variants={name: CIFAR | entry for name, entry in family.items()})
    assert line.startswith("variants.wrong.")


def test_knobs_are_a_mistake_together_where_they_meet():
    family = {
        "rates": CIFAR | {"block_dropout": [0.1, 0.2]},
        "child": CIFAR | {"extends": "rates", "filters": [4]},
    }
    assert mistakes(variants=family) == [
        "variants.child.block_dropout is [0.1, 0.2], expected [] or 1 rates, one for each place it acts at"
    ]


def test_a_circle_is_reported_once():
    family = {"a": {"extends": "b"}, "b": {"extends": "c"}, "c": {"extends": "b"}, "own": {"extends": "own"}}
    assert mistakes(variants={name: CIFAR | entry for name, entry in family.items()}) == [
        "variants.b.extends leads back to itself: b -> c -> b",
        "variants.own.extends leads back to itself: own -> own",
    ]


def test_data_and_starts_from_are_not_inherited():
    assert mistakes(variants={"some": {"extends": "basenet"}}) == ["variants.some lacks data"]
    assert mistakes(fine_tunes={"some": {"extends": "fine_tuned", "data": "cub200"}}) == [
        "fine_tunes.some lacks starts_from"
    ]


def test_a_knob_without_a_neutral_value_must_come_from_somewhere():
    heads = {"linear_head": SHIPPED["heads"]["linear_head"] | CONV_HEAD}
    (line,) = mistakes(defaults={"pooling": None}, heads=heads)
    assert line == "defaults lacks pooling, which heads.linear_head needs and does not set"
    (line,) = mistakes(defaults={"batch_size": None})
    assert line == "defaults lacks batch_size, which variants.basenet needs and does not set"


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"variants": {"Final": CIFAR}}, "variants.Final is taken by variants.final; file systems may not t"),
        ({"heads": {"final": HEAD}}, "heads.final is taken by variants.final"),
        ({"backbones": {"cub200": SHIPPED["backbones"]["resnet50"]}}, "backbones.cub200 is taken by dataset"),
        ({"datasets": {"Archives": SHIPPED["datasets"]["cub200"]}}, "datasets.Archives is the name of a fol"),
        ({"features": {"splits": SHIPPED["features"]["cub200_resnet50"]}}, "features.splits is the name of"),
        ({"features": {"mine": SHIPPED["features"]["cub200_resnet50"] | {"dataset": "cub20"}}},
         "features.mine.dataset is 'cub20', expected a name under datasets. Did you mean 'cub200'?"),
        ({"features": {"mine": SHIPPED["features"]["cub200_resnet50"] | {"backbone": "net"}}},
         "features.mine.backbone is 'net', expected a name under backbones."),
        ({"datasets": {"mine": SHIPPED["datasets"]["cub200"] | {"from": "data/archives/cub20"}}},
         "datasets.mine.from is 'data/archives/cub20', expected data/archives/ and a name under sources. Di"),
        ({"backbones": {"mine": {"format": "keras_file", "from": "data/cub200"}}},
         "backbones.mine.from is 'data/cub200', expected data/archives/ and a name under sources."),
        ({"datasets": {"mine": SHIPPED["datasets"]["cub200"] | {"test_share": 0.1}}},
         "datasets.mine.test_share is not a knob of format cub200; remove it"),
        ({"backbones": {"mine": {"format": "application", "from": "x.h5"}}},
         "backbones.mine lacks application, which format application needs"),
        ({"comparisons": {"mine": {"variants": ["adam", "adm"]}}},
         "comparisons.mine.variants[1] is 'adm', not a variant. Did you mean 'adam'?"),
        ({"comparisons": {"mine": {"variants": ["adam", "adam"]}}}, "comparisons.mine.variants[1] is 'adam'"),
        ({"comparisons": {"Zoom": {"variants": ["adam"]}}}, "comparisons.Zoom is taken by comparisons.zoom"),
        ({"report": {"results": {"adm": {"dataset": "cub200", "epochs": 3}}}},
         "report.results.adm is not a variant. Did you mean 'adam'?"),
        ({"report": {"results": {"adam": {"dataset": "cub20", "epochs": 3}}}},
         "report.results.adam.dataset is 'cub20', expected a name under report.datasets. Did you mean 'cub2"),
    ],
    ids=str,
)  # fmt: skip
def test_names_and_references_are_checked(sections, line):
    (found,) = mistakes(**sections)
    assert found.startswith(line)


def test_an_own_folder_and_an_own_backbone_are_accepted():
    own = {
        "datasets": {"pets": SHIPPED["datasets"]["cifar100"] | PETS},
        "backbones": {"mine": {"format": "keras_file", "from": "my_backbone.keras"}},
        "features": {"pets_mine": {"dataset": "pets", "backbone": "mine", "threads": 1, "batch_size": 8}},
        "heads": {"pet_head": HEAD | {"data": "pets_mine"}},
        "variants": {"pet_net": {"data": "pets"}},
    }  # fmt: skip
    assert mistakes(**own) == []
    assert items(**own)["prepare", "pets"].knobs["test_share"] == 0.3


def test_what_depends_on_a_wrong_entry_is_not_a_second_mistake():
    wrong = {"datasets": {"cifar100": SHIPPED["datasets"]["cifar100"] | {"image_size": "32"}}}
    (line,) = mistakes(**wrong, variants={"some": CIFAR | {"crop": 20}})
    assert line.startswith("datasets.cifar100.image_size is '32'")
