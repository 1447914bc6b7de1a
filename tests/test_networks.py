"""The networks of params.yaml against the report: parameter counts, layers in order, initial weights."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from stages import parameters, variants
from stages.networks import layers
from stages.networks.architectures import HEADS, NETWORKS
from stages.networks.seeds import layer_seed
from stages.training.examples import channel_statistics

pytestmark = pytest.mark.usefixtures("keras_configured")

RESOLVED = variants.resolve(parameters.load(Path(__file__).parent.parent / "params.yaml"))
STATISTICS = {"mean": [0.5, 0.4, 0.3], "deviation": [0.25, 0.2, 0.3]}
FEATURE_SHAPES = {"pooled": (2048,), "maps": (7, 7, 2048)}


def build(name, **changes):
    """A variant's network: 25 classes of 32x32 pictures, or 200 classes of ResNet50 features of 224x224."""
    variant = RESOLVED[name] | changes
    if variant["architecture"] in HEADS:
        head = HEADS[variant["architecture"]]
        return head.build(variant, FEATURE_SHAPES[head.FEATURES], 200)
    statistics = STATISTICS if variant["normalisation"] == "featurewise" else None
    return NETWORKS[variant["architecture"]].build(variant, (32, 32, 3), 25, statistics)


built = cache(build)


@pytest.mark.parametrize(
    ("names", "n_parameters"),
    [
        # 5*5*3*6+6 = 456, 5*5*6*16+16 = 2416, 5*5*16*50+50 = 20050, 50*25+25 = 1275
        (("basenet", "normalised", "zoom_50", "flip"), 24_197),
        # 3*3*3*16+16 = 448, 3*3*16*32+32 = 4640, 3*3*32*64+64 = 18496, 3*3*64*128+128 = 73856,
        # 5*5*128*150+150 = 480150, 150*25+25 = 3775
        (("deeper_1", "dropout_1", "longer_1"), 581_365),
        # 3*3*3*32+32 = 896, 3*3*32*64+64 = 18496, 3*3*64*128+128 = 73856, 3*3*128*256+256 = 295168,
        # 5*5*256*500+500 = 3200500, 500*150+150 = 75150, 150*25+25 = 3775
        (("deeper_2", "dropout_2", "longer_2"), 3_667_841),
        # deeper_2 and 4 * (32 + 64 + 128 + 256 + 500 + 150) = 4520 of the batch normalisations
        (("final", "batch_norm_after", "adam_dropout"), 3_672_361),
        # 2048*200+200
        (("linear_head",), 409_800),
        # 2048*1024+1024 = 2098176, 1024*200+200 = 205000
        (("mlp_head", "frozen"), 2_303_176),
        # 3*3*2048*512+512 = 9437696, 4*512 = 2048, 5*5*512*1024+1024 = 13108224, 4*1024 = 4096,
        # 1024*200+200 = 205000
        (("conv_head",), 22_757_064),
        # the same, but 512*1024+1024 = 525312 after the global average
        (("conv_head_pooled",), 10_174_152),
    ],
)
def test_the_parameters_are_as_many_as_in_the_report(names, n_parameters):
    assert {name: built(name).count_params() for name in names} == dict.fromkeys(names, n_parameters)


RELU, SOFTMAX = "relu", "softmax"
BASE_NET = [  # Fig. 1
    ("Rescaling", (32, 32, 3)),
    ("Conv2D", (28, 28, 6)),
    (RELU, (28, 28, 6)),
    ("MaxPooling2D", (14, 14, 6)),
    ("Conv2D", (10, 10, 16)),
    (RELU, (10, 10, 16)),
    ("MaxPooling2D", (5, 5, 16)),
    ("Flatten", (400,)),
    ("Dense", (50,)),
    (RELU, (50,)),
    ("Dense", (25,)),
    (SOFTMAX, (25,)),
]
DEEPER_1 = [  # Table 1
    ("Rescaling", (32, 32, 3)),
    ("Normalization", (32, 32, 3)),
    ("Conv2D", (30, 30, 16)),
    (RELU, (30, 30, 16)),
    ("Conv2D", (28, 28, 32)),
    (RELU, (28, 28, 32)),
    ("MaxPooling2D", (14, 14, 32)),
    ("Conv2D", (12, 12, 64)),
    (RELU, (12, 12, 64)),
    ("Conv2D", (10, 10, 128)),
    (RELU, (10, 10, 128)),
    ("MaxPooling2D", (5, 5, 128)),
    ("Flatten", (3200,)),
    ("Dense", (150,)),
    (RELU, (150,)),
    ("Dense", (25,)),
    (SOFTMAX, (25,)),
]
DEEPER_2 = [  # Table 2
    ("Rescaling", (32, 32, 3)),
    ("Normalization", (32, 32, 3)),
    ("Conv2D", (30, 30, 32)),
    (RELU, (30, 30, 32)),
    ("Conv2D", (28, 28, 64)),
    (RELU, (28, 28, 64)),
    ("MaxPooling2D", (14, 14, 64)),
    ("Conv2D", (12, 12, 128)),
    (RELU, (12, 12, 128)),
    ("Conv2D", (10, 10, 256)),
    (RELU, (10, 10, 256)),
    ("MaxPooling2D", (5, 5, 256)),
    ("Flatten", (6400,)),
    ("Dense", (500,)),
    (RELU, (500,)),
    ("Dense", (150,)),
    (RELU, (150,)),
    ("Dense", (25,)),
    (SOFTMAX, (25,)),
]
FINAL = [  # Table 3
    ("Rescaling", (32, 32, 3)),
    ("Normalization", (32, 32, 3)),
    ("Conv2D", (30, 30, 32)),
    ("BatchNormalization", (30, 30, 32)),
    (RELU, (30, 30, 32)),
    ("Conv2D", (28, 28, 64)),
    ("BatchNormalization", (28, 28, 64)),
    (RELU, (28, 28, 64)),
    ("MaxPooling2D", (14, 14, 64)),
    ("Dropout", (14, 14, 64)),
    ("Conv2D", (12, 12, 128)),
    ("BatchNormalization", (12, 12, 128)),
    (RELU, (12, 12, 128)),
    ("Conv2D", (10, 10, 256)),
    ("BatchNormalization", (10, 10, 256)),
    (RELU, (10, 10, 256)),
    ("MaxPooling2D", (5, 5, 256)),
    ("Dropout", (5, 5, 256)),
    ("Flatten", (6400,)),
    ("Dense", (500,)),
    ("BatchNormalization", (500,)),
    (RELU, (500,)),
    ("Dropout", (500,)),
    ("Dense", (150,)),
    ("BatchNormalization", (150,)),
    (RELU, (150,)),
    ("Dropout", (150,)),
    ("Dense", (25,)),
    (SOFTMAX, (25,)),
]
BATCH_NORM_AFTER = list(FINAL)
for _place, (_kind, _) in enumerate(FINAL):
    if _kind == "BatchNormalization":
        BATCH_NORM_AFTER[_place : _place + 2] = reversed(FINAL[_place : _place + 2])
LINEAR_HEAD = [("Dense", (200,)), (SOFTMAX, (200,))]  # Table 4
MLP_HEAD = [  # Tables 5 and 7
    ("Dense", (1024,)),
    (RELU, (1024,)),
    ("Dropout", (1024,)),
    ("Dense", (200,)),
    (SOFTMAX, (200,)),
]
CONV_HEAD_END = [
    ("Dense", (1024,)),
    (RELU, (1024,)),
    ("BatchNormalization", (1024,)),
    ("Dropout", (1024,)),
    ("Dense", (200,)),
    (SOFTMAX, (200,)),
]
CONV_HEAD = [  # Table 6
    ("Conv2D", (5, 5, 512)),
    (RELU, (5, 5, 512)),
    ("BatchNormalization", (5, 5, 512)),
    ("AveragePooling2D", (5, 5, 512)),
    ("Dropout", (5, 5, 512)),
    ("Flatten", (12800,)),
    *CONV_HEAD_END,
]
CONV_HEAD_POOLED = [  # the text above Table 6
    ("Conv2D", (5, 5, 512)),
    (RELU, (5, 5, 512)),
    ("BatchNormalization", (5, 5, 512)),
    ("GlobalAveragePooling2D", (512,)),
    ("Dropout", (512,)),
    *CONV_HEAD_END,
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("basenet", BASE_NET),
        ("deeper_1", DEEPER_1),
        ("deeper_2", DEEPER_2),
        ("final", FINAL),
        ("batch_norm_after", BATCH_NORM_AFTER),
        ("linear_head", LINEAR_HEAD),
        ("mlp_head", MLP_HEAD),
        ("frozen", MLP_HEAD),
        ("conv_head", CONV_HEAD),
        ("conv_head_pooled", CONV_HEAD_POOLED),
    ],
)
def test_the_layers_are_those_of_the_report_in_its_order(name, expected):
    model = built(name)
    assert type(model.layers[0]).__name__ == "InputLayer"
    assert [(kind(layer), layer.output.shape[1:]) for layer in model.layers[1:]] == expected
    # a chain: each layer takes what the one before gives
    for before, after in zip(model.layers, model.layers[1:], strict=False):
        assert after.input is before.output


def kind(layer):
    name = type(layer).__name__
    return layer.activation.__name__ if name == "Activation" else name


def test_convolutions_and_dense_layers_leave_the_activation_to_a_layer_of_its_own():
    for name in ("basenet", "final", "conv_head"):
        used = {
            layer.activation.__name__ for layer in built(name).layers if kind(layer) in ("Conv2D", "Dense")
        }
        assert used == {"linear"}


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("deeper_2", {}),
        ("dropout_1", {"block1": 0.25, "block2": 0.5, "head_dense1": 0.25}),
        ("final", {"block1": 0.25, "block2": 0.5, "head_dense1": 0.5, "head_dense2": 0.25}),
        ("adam_dropout", {"block1": 0.5, "block2": 0.6, "head_dense1": 0.6, "head_dense2": 0.5}),
        ("conv_head", {"head": 0.4, "head_dense1": 0.4}),
    ],
)
def test_dropout_acts_at_the_rates_of_the_report(name, rates):
    found = {layer.name: layer.rate for layer in built(name).layers if kind(layer) == "Dropout"}
    assert found == {f"{place}_dropout": rate for place, rate in rates.items()}


LAYER_NAME = re.compile(
    r"image|pooled_features|feature_map|pixels|normalisation|flatten|probabilities|head_logits"
    r"|block\d+_(conv\d+(_relu|_bn)?|pool|dropout)"
    r"|head_(conv1(_relu|_bn)?|pool|dropout|dense\d+(_relu|_bn|_dropout)?)"
)


@pytest.mark.parametrize("name", [name for name, variant in RESOLVED.items() if "architecture" in variant])
def test_layers_are_named_by_their_place_and_the_model_by_its_variant(name):
    model = built(name)
    assert model.name == name
    assert [layer.name for layer in model.layers if not LAYER_NAME.fullmatch(layer.name)] == []


def weights(model):
    return {weight.path: np.asarray(weight) for weight in model.weights}


def same(first, second):
    """The names of weights that both models have, and of those that are equal."""
    first, second = weights(first), weights(second)
    shared = first.keys() & second.keys()
    return shared, {name for name in shared if np.array_equal(first[name], second[name])}


@pytest.mark.parametrize(
    ("first", "second"), [("basenet", "zoom_20"), ("final", "adam"), ("deeper_1", "dropout_1")]
)
def test_variants_that_train_otherwise_start_from_equal_weights(first, second):
    shared, equal = same(built(first), built(second))
    kernels = {name for name in shared if name.endswith("kernel")}
    assert equal == shared >= kernels
    assert len(kernels) == sum(kind(layer) in ("Conv2D", "Dense") for layer in built(first).layers)


def test_a_network_built_again_is_equal_and_with_another_seed_is_another():
    shared, equal = same(build("deeper_1"), built("deeper_1"))
    assert equal == shared
    shared, equal = same(build("deeper_1", seed=1), built("deeper_1"))
    assert {name.rpartition("/")[2] for name in equal} == {"bias"}
    assert {name.rpartition("/")[2] for name in shared - equal} == {"kernel"}


def test_weights_are_drawn_within_the_bounds_of_glorot_and_biases_are_zero():
    model = built("basenet")
    kernel, bias = model.get_layer("block2_conv1").get_weights()
    bound = np.sqrt(6 / (5 * 5 * 6 + 5 * 5 * 16))
    assert 0.98 * bound < np.abs(kernel).max() <= bound
    assert not bias.any()


def test_layers_of_one_shape_start_from_different_weights():
    variant = RESOLVED["deeper_1"] | {"dense_units": [25, 25], "dense_dropout": []}
    model = NETWORKS["deeper_net"].build(variant, (32, 32, 3), 25, None)
    second, logits = model.get_layer("head_dense2"), model.get_layer("head_logits")
    assert not np.array_equal(second.get_weights()[0], logits.get_weights()[0])


def test_a_layers_seed_depends_on_seed_and_name():
    assert layer_seed(0, "block1_conv1") == layer_seed(0, "block1_conv1")
    seeds = {layer_seed(seed, name) for seed in range(20) for name in ("a", "b", "1/a", "head_logits")}
    assert len(seeds) == 80
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_pixels_without_statistics_are_in_zero_to_one():
    images = np.array([0, 51, 255], np.float32).reshape(1, 1, 1, 3)
    assert np.allclose(layers.raw_pixels(images, None), [0, 0.2, 1])


def test_normalised_training_images_have_mean_0_and_deviation_1(tiny_examples):
    variant = RESOLVED["normalised"]
    model = NETWORKS["base_net"].build(variant, (16, 16, 3), 3, channel_statistics(tiny_examples))
    train = tiny_examples.inputs[tiny_examples.rows("train")].astype(np.float32)
    x = np.asarray(model.get_layer("normalisation")(model.get_layer("pixels")(train)))
    assert np.allclose(x.mean(axis=(0, 1, 2)), 0, atol=1e-4)
    assert np.allclose(x.std(axis=(0, 1, 2)), 1, atol=1e-4)
    without = NETWORKS["base_net"].build(variant, (16, 16, 3), 3, None)
    assert model.count_params() == without.count_params()


def test_probabilities_add_up_to_one():
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype(np.float32)
    probabilities = np.asarray(built("basenet")(images))
    assert (probabilities.shape, probabilities.dtype) == ((4, 25), np.float32)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)


def test_the_average_over_2x2_keeps_5x5_and_averages_only_what_there_is():
    (pool,) = [layer for layer in built("conv_head").layers if layer.name == "head_pool"]
    x = np.arange(25, dtype=np.float32).reshape(1, 5, 5, 1)
    pooled = np.asarray(pool(x))[0, :, :, 0]
    assert pooled.shape == (5, 5)
    assert pooled[0, 0] == x[0, :2, :2].mean()
    assert pooled[4, 4] == x[0, 4, 4, 0]
