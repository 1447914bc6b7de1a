"""The networks of params.yaml against the report: parameter counts, layers in order, initial weights."""

import re
from functools import cache

import keras
import numpy as np
import pytest

from benchmarks import studies
from stages.datasets.prepared import Dataset
from stages.networks import layers, pooled_residual_net, residual_net
from stages.runtime.modules import constant, find, offered
from stages.training import building
from tests.edited_study import items

pytestmark = pytest.mark.usefixtures("keras_configured")

STUDY = {name: item.knobs for (_, name), item in items().items() if "network" in item.knobs}
SHAPES = {"images": (32, 32, 3), "pooled": (1, 2048), "maps": (1, 7, 7, 2048)}  # features: of one view


def build(name, seed=0, **changes):
    """A variant's network: 25 classes of 32x32 images, or 200 classes of ResNet50's features of 224x224."""
    knobs = STUDY[name] | changes
    (network,) = knobs["network"]
    kind = find("networks", network).LEARNS_FROM
    inputs = np.random.default_rng(0).integers(0, 256, (2, *SHAPES[kind])).astype(np.uint8)
    names = [str(number) for number in range(25 if kind == "images" else 200)]
    data = Dataset(inputs, np.array([0, 1]), np.array([0, 0]), names, {}, {}, 1, "squash")
    make = building.from_images if kind == "images" else building.from_features
    return make(data, knobs, seed)


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


FINAL = (
    "Rescaling 32x32x3, Normalization 32x32x3, Conv2D 30x30x32, BatchNormalization 30x30x32, relu 30x30x32,"
    " Conv2D 28x28x64, BatchNormalization 28x28x64, relu 28x28x64, MaxPooling2D 14x14x64, Dropout 14x14x64,"
    " Conv2D 12x12x128, BatchNormalization 12x12x128, relu 12x12x128, Conv2D 10x10x256,"
    " BatchNormalization 10x10x256, relu 10x10x256, MaxPooling2D 5x5x256, Dropout 5x5x256, Flatten 6400,"
    " Dense 500, BatchNormalization 500, relu 500, Dropout 500,"
    " Dense 150, BatchNormalization 150, relu 150, Dropout 150, Dense 25, softmax 25"
)
MLP_HEAD = "Dense 1024, relu 1024, Dropout 1024, Dense 200, softmax 200"
CONV_HEAD = "Conv2D 5x5x512, relu 5x5x512, BatchNormalization 5x5x512,"
CONV_HEAD_END = (
    "Dense 1024, relu 1024, BatchNormalization 1024, Dropout 1024, Dense 200, softmax 200"  # of the table
)
TABLES = {
    "basenet": (  # Fig. 1
        "Rescaling 32x32x3, Conv2D 28x28x6, relu 28x28x6, MaxPooling2D 14x14x6, Conv2D 10x10x16,"
        " relu 10x10x16, MaxPooling2D 5x5x16, Flatten 400, Dense 50, relu 50, Dense 25, softmax 25"
    ),
    "deeper_1": (  # Table 1
        "Rescaling 32x32x3, Normalization 32x32x3, Conv2D 30x30x16, relu 30x30x16, Conv2D 28x28x32,"
        " relu 28x28x32, MaxPooling2D 14x14x32, Conv2D 12x12x64, relu 12x12x64, Conv2D 10x10x128,"
        " relu 10x10x128, MaxPooling2D 5x5x128, Flatten 3200, Dense 150, relu 150, Dense 25, softmax 25"
    ),
    "deeper_2": (  # Table 2
        "Rescaling 32x32x3, Normalization 32x32x3, Conv2D 30x30x32, relu 30x30x32, Conv2D 28x28x64,"
        " relu 28x28x64, MaxPooling2D 14x14x64, Conv2D 12x12x128, relu 12x12x128, Conv2D 10x10x256,"
        " relu 10x10x256, MaxPooling2D 5x5x256, Flatten 6400, Dense 500, relu 500, Dense 150, relu 150,"
        " Dense 25, softmax 25"
    ),
    "final": FINAL,  # Table 3
    "batch_norm_after": re.sub(r"(BatchNormalization \w+), (relu \w+)", r"\2, \1", FINAL),
    "linear_head": "Dense 200, softmax 200",  # Table 4
    "mlp_head": MLP_HEAD,  # Table 5
    "frozen": MLP_HEAD,  # Table 7
    "conv_head": (  # Table 6
        f"{CONV_HEAD} AveragePooling2D 5x5x512, Dropout 5x5x512, Flatten 12800, {CONV_HEAD_END}"
    ),
    "conv_head_pooled": (  # the text above Table 6
        f"{CONV_HEAD} GlobalAveragePooling2D 512, Dropout 512, {CONV_HEAD_END}"
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_layers_are_those_of_the_report_in_its_order(name):
    first, *others = built(name).layers
    assert kind(first) == "InputLayer"
    found = [f"{kind(layer)} {'x'.join(map(str, layer.output.shape[1:]))}" for layer in others]
    assert ", ".join(found) == TABLES[name]
    for before, after in zip([first, *others], others, strict=False):  # a chain
        assert after.input is before.output


def kind(layer):
    name = type(layer).__name__
    return layer.activation.__name__ if name == "Activation" else name


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
    r"|scaled_logits|stem_conv(_\w+)?|stage\d+_\w+|pool"
    rf"|(head_)?({'|'.join(offered('feature_steps', 'add'))})"
    r"|block\d+_(conv\d+(_[a-z]+lu|_bn)?|pool|dropout)"
    r"|head_(conv1(_[a-z]+lu|_bn)?|pool|dropout|dense\d+(_[a-z]+lu|_bn|_dropout)?)"
)


OF_EACH_KIND = {network: name for name, knobs in STUDY.items() for network in knobs["network"]}


@pytest.mark.parametrize("name", OF_EACH_KIND.values())
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
    kernel, bias = built("basenet").get_layer("block2_conv1").get_weights()
    bound = np.sqrt(6 / (5 * 5 * 6 + 5 * 5 * 16))
    assert 0.98 * bound < np.abs(kernel).max() <= bound
    assert not bias.any()


def test_layers_of_one_shape_start_from_different_weights():
    network = {"deeper_net": {"filters": [2, 2], "dense_units": [25, 25]}}
    model = build("deeper_1", network=network)
    second, logits = model.get_layer("head_dense2"), model.get_layer("head_logits")
    assert not np.array_equal(second.get_weights()[0], logits.get_weights()[0])


def test_pixels_without_statistics_are_in_zero_to_one():
    images = np.array([0, 51, 255], np.float32).reshape(1, 1, 1, 3)
    assert np.allclose(layers.scale_pixels(images, None), [0, 0.2, 1])


def test_normalised_training_images_have_mean_0_and_deviation_1(data):
    model = studies.build(data, studies.knobs())
    train = data.inputs[data.rows("train")].astype(np.float32)
    x = np.asarray(model.get_layer("normalisation")(model.get_layer("pixels")(train)))
    assert np.allclose(x.mean(axis=(0, 1, 2)), 0, atol=1e-4)
    assert np.allclose(x.std(axis=(0, 1, 2)), 1, atol=1e-4)
    assert model.count_params() == studies.build(data, studies.knobs(normalisation="none")).count_params()


def test_the_average_over_2x2_keeps_5x5_and_averages_only_what_there_is():
    x = np.arange(25, dtype=np.float32).reshape(1, 5, 5, 1)
    pooled = np.asarray(built("conv_head").get_layer("head_pool")(x))[0, :, :, 0]
    assert pooled.shape == (5, 5)
    assert pooled[0, 0] == x[0, :2, :2].mean()
    assert pooled[4, 4] == x[0, 4, 4, 0]


def residual(size=32, network=residual_net, **knobs):
    inputs = keras.Input((size, size, 3))
    return keras.Model(inputs, network.build(inputs, n_classes=25, seed=0, **knobs))


@pytest.mark.parametrize(
    ("knobs", "n_parameters"),
    [
        # stem 3*3*3*16 = 432 and 4*16 of its batch norm; convolutions have no biases
        # stage 1: 2 * (3*3*16*16 + 4*16) = 4736
        # stage 2: shortcut 16*32 + 4*32 = 640, 3*3*16*32 + 4*32 = 4736, 3*3*32*32 + 4*32 = 9344
        # stage 3: shortcut 32*64 + 4*64 = 2304, 3*3*32*64 + 4*64 = 18688, 3*3*64*64 + 4*64 = 37120
        # 64*25+25 = 1625
        ({"filters": [16, 32, 64]}, 79_689),
        # a further block in each stage: 4736, 2*9344, 2*37120
        ({"filters": [16, 32, 64], "depth": 2}, 177_353),
        # stem 27*8 + 32 = 248, 2 * (9*8*8 + 32) = 1216, 8*25+25 = 225
        ({"filters": [8]}, 1_689),
    ],
)
def test_a_residual_network_has_the_parameters_of_its_widths_and_depth(knobs, n_parameters):
    assert residual(**knobs).count_params() == n_parameters
    assert residual(size=17, **knobs).count_params() == n_parameters  # no large dense layer


def test_each_stage_of_a_residual_network_halves_height_and_width():
    model = residual(filters=[4, 6, 8], depth=2, block_dropout=[0.1, 0.0, 0.3])
    names = [f"stage{stage}_block{block}_add" for stage in (1, 2, 3) for block in (1, 2)]
    shapes = [model.get_layer(name).output.shape[1:] for name in names]
    assert shapes == [(32, 32, 4)] * 2 + [(16, 16, 6)] * 2 + [(8, 8, 8)] * 2
    shortcuts = [layer.name for layer in model.layers if layer.name.endswith("shortcut")]
    assert shortcuts == ["stage2_block1_shortcut", "stage3_block1_shortcut"]
    rates = {layer.name: layer.rate for layer in model.layers if kind(layer) == "Dropout"}
    assert rates == {"stage1_dropout": 0.1, "stage3_dropout": 0.3}


def test_a_residual_network_has_no_strided_1x1_convolution():
    """For few channels oneDNN writes beyond its memory there (its issue 6035)."""
    layers = [layer for layer in residual(filters=[4, 8]).layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.name for layer in layers if layer.kernel_size == (1, 1) and layer.strides != (1, 1)] == []


def test_a_residual_block_adds_to_what_comes_in():
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, residual_net.build(inputs, n_classes=3, seed=0, filters=[4]))
    add, stem = model.get_layer("stage1_block1_add"), model.get_layer("stem_conv_relu")
    model.get_layer("stage1_block1_conv2_bn").gamma.assign([0.0] * 4)  # the convolutions add nothing
    images = np.random.default_rng(0).random((2, 8, 8, 3)).astype(np.float32)
    before, after = keras.Model(inputs, [stem.output, add.output])(images)
    assert np.array_equal(before, after)


def test_the_pooled_residual_network_has_two_million_parameters():
    model = residual(network=pooled_residual_net, filters=[48, 64, 256, 256])
    stem = 3 * 3 * 3 * 48 + 4 * 48
    widths = ((48, 64), (64, 256), (256, 256))
    stages = [9 * (before + width) * width + 2 * 4 * width for before, width in widths]
    assert model.count_params() == stem + sum(stages) + 256 * 25 + 25 == 1_993_961
    assert [model.get_layer(f"stage{stage}_add").output.shape[1:] for stage in (1, 2, 3)] == [
        (16, 16, 64),
        (8, 8, 256),
        (4, 4, 256),
    ]
    assert kind(model.get_layer("pool")) == "GlobalMaxPooling2D"


def test_a_stage_of_the_pooled_residual_network_adds_to_the_maps_it_pooled():
    model = residual(8, network=pooled_residual_net, filters=[4, 6])
    pooled, add = (model.get_layer(f"stage1_{name}") for name in ("conv1_relu", "add"))
    model.get_layer("stage1_conv2_bn").gamma.assign([0.0] * 6)  # the second convolution adds nothing
    images = np.random.default_rng(0).random((2, 8, 8, 3)).astype(np.float32)
    before, after = keras.Model(model.inputs[0], [pooled.output, add.output])(images)
    assert np.array_equal(before, after)
    assert before.shape == (2, 4, 4, 6)


def test_residual_networks_activate_after_each_addition_or_before_it():
    block = ["conv1", "conv1_bn", "conv1_relu", "conv2", "conv2_bn", "shortcut_pool", "shortcut"]
    names = [layer.name for layer in residual(filters=[4, 6], depth=1).layers]
    after = [name.removeprefix("stage2_block1_") for name in names if name.startswith("stage2_block1")]
    assert sorted(after) == sorted([*block, "shortcut_bn", "add", "relu"])
    pooled = residual(network=pooled_residual_net, filters=[4, 6])
    before = [layer.name for layer in pooled.layers if layer.name.startswith("stage1")]
    parts = ["conv1", "pool", "conv1_bn", "conv1_relu", "conv2", "conv2_bn", "conv2_relu", "add"]
    assert before == [f"stage1_{part}" for part in parts]
    assert kind(pooled.get_layer("stage1_pool")) == "MaxPooling2D"
    assert kind(residual(filters=[4, 6]).get_layer("stage2_block1_shortcut_pool")) == "AveragePooling2D"


@pytest.mark.parametrize("network", [residual_net, pooled_residual_net])
def test_weights_of_a_residual_network_are_drawn_as_he_et_al_do(network):
    kernel = residual(network=network, filters=[32, 64]).get_layer("stem_conv").kernel
    assert np.std(kernel) == pytest.approx(np.sqrt(2 / 27), rel=0.1)  # of 864 weights


SMALL = {
    "base_net": {"filters": [2], "dense_units": [3]},
    "deeper_net": {"filters": [2, 2], "dense_units": [3]},
    "residual_net": {"filters": [2, 3]},
    "pooled_residual_net": {"filters": [2, 3, 4]},
    "dense_head": {"dense_units": [3]},
    "conv_head": {"filters": [2], "dense_units": [3], "pooling": "flatten"},
}
NETWORKS = offered("networks", "build")


def small(network, size=16, **knobs):
    """A network with few units: of images of a size, of 5 features, or of 5x5 maps of 5 channels."""
    module = find("networks", network)
    shape = {"images": (size, size, 3), "pooled": (5,), "maps": (5, 5, 5)}[module.LEARNS_FROM]
    inputs = keras.Input(shape)
    return keras.Model(inputs, module.build(inputs, n_classes=3, seed=0, **SMALL[network] | knobs))


def computed(model, *tensors):
    """The values of a model's tensors for random inputs."""
    inputs = np.random.default_rng(0).random((4, *model.inputs[0].shape[1:])).astype(np.float32)
    return [np.asarray(value) for value in keras.Model(model.inputs[0], tensors)(inputs)]


@pytest.mark.parametrize("network", NETWORKS)
def test_as_many_rates_are_taken_as_a_network_demands(network):
    demands = constant("networks", network, "ONE_RATE_PER") or {}
    assert set(demands) == {word for word in NETWORKS[network] if word in ("block_dropout", "dense_dropout")}
    for knob, (sizes, number) in demands.items():
        rates = [0.25] * (len(SMALL[network][sizes]) // number)
        model = small(network, **{knob: rates})
        assert [layer.rate for layer in model.layers if kind(layer) == "Dropout"] == rates
        if network != "conv_head":  # which takes its one rate from the list
            with pytest.raises(ValueError, match=r"shorter|longer"):
                small(network, **{knob: [*rates, 0.25]})


@pytest.mark.parametrize("network", [name for name in NETWORKS if constant("networks", name, "SHRINKS")])
@pytest.mark.parametrize("size", [17, 32])
def test_as_many_blocks_fit_on_images_as_a_network_states(network, size):
    shrinks, left, n_blocks = constant("networks", network, "SHRINKS"), size, 0
    while (left := (left - shrinks["pixels"]) // 2) >= 1:
        n_blocks += 1
    filters = [2] * (shrinks["first"] + shrinks["per_block"] * n_blocks)
    assert small(network, size, filters=filters).output.shape == (None, 3)
    with pytest.raises(ValueError, match=r"[Nn]egative|size|dimension"):
        small(network, size, filters=filters + [2] * shrinks["per_block"])


@pytest.mark.parametrize(
    ("network", "filters"),
    [("deeper_net", [2, 2, 2]), ("conv_head", [2, 2]), ("conv_head", []), ("residual_net", [])],
)
def test_a_list_of_a_length_that_a_network_excludes_cannot_be_built(network, filters):
    demand, n = constant("networks", network, "LENGTHS")["filters"], len(filters)
    is_short, is_long = n < demand.get("least", 0), n > demand.get("most", n)
    assert is_short or is_long or n % demand.get("multiple_of", 1)
    with pytest.raises((ValueError, IndexError)):
        small(network, filters=filters)


@pytest.mark.parametrize("network", [name for name, words in NETWORKS.items() if "pooling" in words])
def test_each_pooling_that_a_network_takes_acts_by_its_name(network):
    expected = {
        "average": lambda maps: maps.mean(axis=(1, 2)),
        "max": lambda maps: maps.max(axis=(1, 2)),
        "gem": lambda maps: (np.maximum(maps, 1e-6) ** 3).mean(axis=(1, 2)) ** (1 / 3),
    }
    choices = constant("networks", network, "CHOICES")["pooling"]
    of_features_alone = {"covariance"}
    assert {*choices} - {"flatten"} == {*expected} == {*offered("pooling", "pool")} - of_features_alone
    assert constant("networks", network, "FOUND_IN") == {"pooling": "pooling"}
    head = {"dense_units": []} if network == "conv_head" else {}
    for choice, pool in expected.items():
        model = small(network, pooling=choice, **head)
        last = [layer for layer in model.layers if len(layer.output.shape) == 4 and "pool" not in layer.name][
            -1
        ]
        maps, pooled = computed(model, last.output, model.get_layer("head_logits").input)
        assert np.allclose(pooled, pool(maps), atol=1e-5)


@pytest.mark.parametrize("network", NETWORKS)
def test_each_network_takes_another_activation_and_momentum_everywhere(network):
    activation = "gelu"
    batch_norm = {"batch_norm": "before"} if "batch_norm" in NETWORKS[network] else {}
    knobs = {"activation": activation, "bn_momentum": 0.75}
    model, usual = small(network, **knobs, **batch_norm), small(network, **batch_norm)
    renamed = [layer.name.replace("_relu", f"_{activation}") for layer in usual.layers[1:]]
    assert [layer.name for layer in model.layers[1:]] == renamed
    kinds = [kind(layer) for layer in model.layers]
    assert activation in kinds
    assert "relu" not in kinds
    momenta = {layer.momentum for layer in model.layers if kind(layer) == "BatchNormalization"}
    assert momenta == {0.75}
    assert {layer.momentum for layer in usual.layers if kind(layer) == "BatchNormalization"} == {0.99}


@pytest.mark.parametrize("network", ["residual_net", "pooled_residual_net"])
def test_logits_are_scaled_and_units_dropped_before_the_classifier(network):
    model = small(network, logit_scale=0.25, head_dropout=0.5)
    logits, probabilities = computed(model, model.get_layer("head_logits").output, model.outputs[0])
    powers = np.exp(logits / 4)
    assert np.allclose(probabilities, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)
    assert model.get_layer("head_dropout").rate == 0.5
    assert model.get_layer("head_dropout").output is model.get_layer("head_logits").input
    assert same(model, small(network))[1] == same(model, model)[0]  # weights stay


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_built_again_is_saved_with_the_same_names(network):
    """Names that count up within a process would give a second seed, or a resumed training, other bytes."""
    knobs = {"pooling": "gem"} if "pooling" in NETWORKS[network] else {}
    first, second = (
        [operation.name for operation in small(network, **knobs).operations[1:]] for _ in range(2)
    )
    assert first == second


def test_a_linear_head_has_no_layer_to_train_but_its_logits():
    model = small("dense_head", **constant("networks", "dense_head", "LINEAR_WHERE"))
    assert [layer.name for layer in model.layers if layer.weights] == ["head_logits"]
