"""Rules between entries and between knobs of params.yaml, reported before anything runs."""

import pytest

from tests.edited_study import REPORT, SHIPPED, mistakes

CIFAR = {"data": "cifar100"}
DEEPER = CIFAR | {"network": "deeper_net", "filters": [1, 2, 3, 4]}
RESIDUAL = CIFAR | {"network": "residual_net", "filters": [8, 16]}
HEAD = {"data": "cub200_resnet50", "network": "dense_head", "dense_units": [4]}
CONV_HEAD = HEAD | {"network": "conv_head", "filters": [4], "pooling": "flatten"}
CONVEX = HEAD | {"trainer": "convex", "penalties": [0.1], "dense_units": []}
TUNE = {"data": "cub200", "starts_from": "frozen"}
COSINE = {"class_name": "CosineDecay", "config": {"initial_learning_rate": 0.1, "decay_steps": 10}}
SGD = {"class_name": "SGD", "config": {"learning_rate": COSINE}}
RATE = "optimizer.config.learning_rate"
FIT = {"trainer": "convex", "penalties": [1.0]}
FLIPS = {"flip": True, "alternating_flip": True}
ADM = {
    "says": {"en": "Flips help.", "es": "El volteo ayuda."},
    "tests": [{"measure": "gap", "of": "flip", "than": "adm", "above": 0}],
}
SQUARED = {"loss": "squared_error", "label_smoothing": 0.1}
WORDS = {"en": "words", "es": "palabras"}
LADDER = dict.fromkeys(("title", "question", "answer"), WORDS)


def step(variant):
    return {"variant": variant, "idea": WORDS}


MISFITS = [  # section, knobs, the knob that is named, what is said of it
    ("variants", CIFAR | {"block_dropout": [0.1]}, "block_dropout", "expected [] or 2 rates"),
    ("variants", CIFAR | {"dense_dropout": [0.1, 0.2]}, "dense_dropout", "expected [] or 1 rates"),
    (
        "variants",
        DEEPER | {"filters": [1, 2, 3]},
        "filters",
        "is [1, 2, 3], expected an even number of sizes",
    ),
    ("variants", RESIDUAL | {"filters": []}, "filters", "is [], expected at least one size"),
    (
        "variants",
        RESIDUAL | {"dense_units": [5]},
        "dense_units",
        "is not a knob of residual_net, which takes",
    ),
    ("variants", RESIDUAL | {"pooling": "flatten"}, "pooling", "expected one of average, max, gem"),
    ("variants", CIFAR | {"network": "conv_head"}, "network", "is 'conv_head', expected one of base_net"),
    ("variants", CIFAR | {"crop": 32}, "crop", "is 32, expected at most 31 on images of 32 pixels"),
    ("variants", CIFAR | FLIPS, "alternating_flip", "is True, expected false together with flip"),
    (
        "variants",
        CIFAR | {"optimizer": SGD, "warmup": 0.1},
        RATE,
        "is a schedule of Keras, expected a number",
    ),
    (
        "variants",
        CIFAR | FIT,
        "trainer",
        "is 'convex', expected sgd except for one-layer heads (dense_head)",
    ),
    ("variants", CIFAR | SQUARED, "label_smoothing", "is not a knob of squared_error, which takes none"),
    ("variants", {"data": "cifar10"}, "data", "expected a name under datasets. Did you mean 'cifar100'?"),
    ("variants", CIFAR | {"extends": "frozen"}, "extends", "expected a name under variants."),
    (
        "heads",
        HEAD | {"penalties": [1.0]},
        "penalties",
        "is not a knob of sgd, which takes epochs, batch_size",
    ),
    ("heads", HEAD | {"data": "cub200"}, "data", "is 'cub200', expected a name under features."),
    ("heads", CONV_HEAD | {"filters": [5, 6]}, "filters", "is [5, 6], expected one size"),
    ("heads", CONV_HEAD | {"end_to_end": True}, "end_to_end", "expected false, as conv_head does not learn"),
    ("heads", CONV_HEAD | {"feature_steps": ["l2_norm"]}, "feature_steps", "expected [], as conv_head does"),
    ("heads", CONV_HEAD | {"data": "cub200_resnet50_gem"}, "data", "has maps: False, expected features that"),
    ("heads", CONVEX | {"dense_units": [9]}, "dense_units", "is [9], expected [] with trainer convex"),
    ("heads", CONVEX | {"seeds": 2}, "seeds", "is 2, expected 1, as convex finds the same optimum"),
    (
        "heads",
        CONVEX | {"epochs": 9},
        "epochs",
        "is not a knob of convex, which takes penalties, monitor; rem",
    ),
    ("fine_tunes", TUNE | {"views": {"shift": 224}}, "views.shift", "expected at most 223 on images of 224"),
    (
        "fine_tunes",
        TUNE | {"starts_from": "froze"},
        "starts_from",
        "expected a name under heads. Did you mean",
    ),
    (
        "fine_tunes",
        TUNE | {"starts_from": "mlp_head"},
        "starts_from",
        "expected a head with end_to_end: true",
    ),
    ("fine_tunes", TUNE | {"data": "cifar100"}, "data", "expected 'cub200', from which frozen learned"),
    ("fine_tunes", TUNE | {"seeds": 4}, "seeds", "asks for seeds 0 to 3, expected seeds from 0 to 2, which"),
]


@pytest.mark.parametrize(("group", "own", "knob", "said"), MISFITS, ids=str)
def test_knobs_that_do_not_fit_are_reported_with_what_was_expected(group, own, knob, said):
    (line,) = mistakes(**{group: {"some": own}})
    assert line.startswith(f"{group}.some.{knob} ")
    assert said in line


@pytest.mark.parametrize(
    ("group", "own"),
    [
        ("variants", CIFAR | {"block_dropout": [0.1, 0.2], "dense_dropout": [0.5]}),
        ("variants", DEEPER | {"block_dropout": [0.1, 0.2]}),
        ("variants", RESIDUAL | {"depth": 3, "block_dropout": [0.1, 0.2]}),
        ("variants", CIFAR | {"filters": [], "crop": 31, "cutout": 32, "views": {"shift": 31}}),
        ("variants", CIFAR | {"schedule": "cosine", "warmup": 0.1}),
        ("variants", CIFAR | {"optimizer": SGD}),
        ("heads", CONV_HEAD | {"block_dropout": [0.5]}),
        ("heads", HEAD | {"end_to_end": True}),
        ("heads", CONVEX | {"seeds": 1, "seed": 5, "monitor": "val_accuracy"}),
        (
            "heads",
            {"data": "cub200_resnet50", "extends": "linear_head", "trainer": "convex", "penalties": [1]},
        ),
        ("variants", RESIDUAL | {"pooling": "gem", "mixup": 0.2, "views": {"mirror": True}}),
        ("fine_tunes", TUNE | {"flip": True, "unfreeze": "conv5", "seeds": 3}),
        ("fine_tunes", TUNE | {"starts_from": "convex_gem", "seeds": 5, "seed": 7}),
    ],
    ids=str,
)
def test_knobs_that_fit_are_accepted(group, own):
    assert mistakes(**{group: {"some": own}}) == []


def test_a_fine_tune_on_images_of_another_size_than_its_head_saw_is_refused():
    large = {"large": SHIPPED["features"]["cub200_resnet50"] | {"image_size": 448}}
    head = {"on_large": HEAD | {"data": "large", "end_to_end": True}}
    tune = {"some": TUNE | {"starts_from": "on_large"}}
    assert mistakes(features=large, heads=head, fine_tunes=tune) == [
        "fine_tunes.some.starts_from is 'on_large', on images of 448 pixels, expected a head on images of 224"
        " pixels, as cub200 has, or test_image_size: 448"
    ]
    tune["some"] |= {"test_image_size": 448}
    assert mistakes(features=large, heads=head, fine_tunes=tune) == []


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
        "variants.child.block_dropout is [0.1, 0.2], expected [] or 1 rates, one for each place where it acts"
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
    del heads["linear_head"]["pooling"]
    (line,) = mistakes(heads=heads)
    assert line == "defaults lacks pooling, which heads.linear_head needs and does not set"
    (line,) = mistakes(heads={"some": {key: value for key, value in CONVEX.items() if key != "penalties"}})
    assert line == "defaults lacks penalties, which heads.some needs and does not set"
    (line,) = mistakes(defaults={"batch_size": None})
    assert line == "defaults lacks batch_size, which variants.basenet needs and does not set"


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"variants": {"Final": CIFAR}}, "variants.Final is taken by variants.final; file systems may not t"),
        ({"heads": {"final": HEAD}}, "heads.final is taken by variants.final"),
        ({"backbones": {"cub200": SHIPPED["backbones"]["resnet50"]}}, "backbones.cub200 is taken by dataset"),
        ({"datasets": {"images": SHIPPED["datasets"]["cub200"]}}, "datasets.images is the name of a folder"),
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
        ({"report": {"comparisons": {"mine": {"variants": ["adam", "adm"]}}}},
         "comparisons.mine.variants[1] is 'adm', not a variant. Did you mean 'adam'?"),
        ({"report": {"comparisons": {"mine": {"variants": ["adam", "adam"]}}}},
         "comparisons.mine.variants[1] is 'adam', which is in the list"),
        ({"report": {"comparisons": {"Zoom": {"variants": ["adam"]}}}},
         "comparisons.Zoom is taken by comparisons.zoom"),
        ({"report": {"ladders": {"mine": LADDER | {"steps": [step("adam"), step("adm")]}}}},
         "ladders.mine.steps[1].variant is 'adm', not a variant. Did you mean 'adam'?"),
        ({"report": {"ladders": {"mine": LADDER | {"steps": [step("adam"), step("flip"), step("adam")]}}}},
         "ladders.mine.steps[2].variant is 'adam', which is an earlier step; each step must add an idea"),
        ({"report": {"ladders": {"CIFAR100": LADDER | {"steps": [step("adam"), step("flip")]}}}},
         "ladders.CIFAR100 is taken by ladders.cifar100"),
        ({"report": {"ladders": {"mine": LADDER | {"steps": [step("adam"), step("flip")], "claims": [ADM]}}}},
         "ladders.mine.claims[0].tests[0].than is 'adm', not a variant. Did you mean 'adam'?"),
        ({"report": {"ladders": {"mine": LADDER | {"steps": [step("adam")]}}}},
         "ladders.mine.steps is [{'variant': 'adam', "),
        ({"report": {"sections": {"2.2": REPORT["sections"]["2.2"] | {"claims": [ADM]}}}},
         "sections.2.2.claims[0].tests[0].than is 'adm', not a variant. Did you mean 'adam'?"),
        ({"report": {"results": {"adm": {"dataset": "cub200", "epochs": 3}}}},
         "results.adm is not a variant. Did you mean 'adam'?"),
        ({"report": {"results": {"adam": {"dataset": "cub20", "epochs": 3}}}},
         "results.adam.dataset is 'cub20', expected a name under datasets. Did you mean 'cub2"),
    ],
    ids=str,
)  # fmt: skip
def test_names_and_references_are_checked(sections, line):
    (found,) = mistakes(**sections)
    assert found.startswith(line)


def test_what_depends_on_a_wrong_entry_is_not_a_second_mistake():
    wrong = {"datasets": {"cifar100": SHIPPED["datasets"]["cifar100"] | {"image_size": "32"}}}
    (line,) = mistakes(**wrong, variants={"some": CIFAR | {"crop": 20}})
    assert line.startswith("datasets.cifar100.image_size is '32'")
