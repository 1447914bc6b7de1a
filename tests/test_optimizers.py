"""Optimizers are Keras' own; learning rates follow shares of the training, not counted steps."""

import keras
import numpy as np
import pytest

from stages.runtime.errors import InputError
from stages.training import optimizers
from stages.training.optimizers import Recipe

pytestmark = pytest.mark.usefixtures("keras_configured")


def build(block, **knobs):
    return optimizers.build(Recipe(block, **knobs), [keras.Variable([1.0, 2.0])])


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"class_name": "Adamm", "config": {}}, "Could not interpret optimizer identifier"),
        ({"class_name": "SGD", "config": {"learn_rate": 0.1}}, "learn_rate"),
        ({"class_name": "SGD", "config": {"momentum": 2.0}}, "momentum"),
    ],
)
def test_an_optimizer_that_keras_refuses_is_one_line(block, problem):
    with pytest.raises(InputError) as caught:
        build(block)
    start = f"Keras refuses optimizer {block}: "
    assert str(caught.value).startswith(start)
    assert problem in str(caught.value).removeprefix(start)
    assert len(str(caught.value).splitlines()) == 1


@pytest.fixture
def network():
    """Two convolutions and two dense layers, with batch normalisation after the first; all weights are 2."""
    x = inputs = keras.Input((4, 4, 1), name="image")
    x = keras.layers.Conv2D(2, 3, name="block1_conv1")(x)
    x = keras.layers.BatchNormalization(name="block1_conv1_bn")(x)
    x = keras.layers.Conv2D(2, 1, name="block2_conv1")(x)
    x = keras.layers.Dense(2, name="head_dense1")(keras.layers.Flatten(name="flat")(x))
    model = keras.Model(inputs, keras.layers.Dense(2, name="head_logits")(x))
    for weight in model.weights:
        weight.assign(keras.ops.full(weight.shape, 2.0))
    return model


@pytest.mark.parametrize("name", ["SGD", "AdamW"])
@pytest.mark.parametrize("spared", [True, False])
def test_only_kernels_decay_where_that_is_asked_for(network, name, spared):
    block = {"class_name": name, "config": {"learning_rate": 0.5, "weight_decay": 0.1}}
    weights = network.trainable_weights
    optimizer = optimizers.build(Recipe(block, weight_decay_on="kernels" if spared else "all"), weights)
    optimizer.apply_gradients([(keras.ops.zeros(weight.shape), weight) for weight in weights])
    found = {weight.path: keras.ops.convert_to_numpy(weight) for weight in weights}
    # a gradient of zero moves nothing; the decay takes 0.5 * 0.1 of the weight: 2 becomes 1.9
    layers = ("block1_conv1", "block2_conv1", "head_dense1", "head_logits")
    kernels = [f"{layer}/kernel" for layer in layers]
    others = [f"{layer}/bias" for layer in layers] + ["block1_conv1_bn/gamma", "block1_conv1_bn/beta"]
    expected = dict.fromkeys(kernels, 1.9) | dict.fromkeys(others, 2.0 if spared else 1.9)
    assert sorted(found) == sorted(expected)
    assert all(np.allclose(values, expected[path]) for path, values in found.items())


def factors(network, **multipliers):
    recipe = Recipe({}, rate_multipliers=multipliers)
    return {weight.path: factor for weight, factor in optimizers.multipliers(recipe, network, "tiny")}


def test_the_longest_prefix_of_a_layers_name_gives_its_factor(network):
    found = factors(network, block=0.1, block1_conv1_bn=3.0, head_logits=10.0)
    convolutions = ["block1_conv1/kernel", "block1_conv1/bias", "block2_conv1/kernel", "block2_conv1/bias"]
    assert found == dict.fromkeys(convolutions, 0.1) | {
        "block1_conv1_bn/gamma": 3.0,
        "block1_conv1_bn/beta": 3.0,
        "head_logits/kernel": 10.0,
        "head_logits/bias": 10.0,
    }


def test_a_factor_of_one_and_weights_that_do_not_train_are_left_out(network):
    network.get_layer("head_logits").trainable = False
    found = factors(network, head=0.5, head_dense1=1.0, block2=2.0)
    assert found == {"block2_conv1/kernel": 2.0, "block2_conv1/bias": 2.0}
    assert factors(network) == {}


def test_a_prefix_that_names_no_layer_is_one_line_that_names_those_there_are(network):
    with pytest.raises(InputError) as caught:
        factors(network, block=0.5, blok2=0.1)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("variant 'tiny': rate_multipliers: no layer's name starts with 'blok2';")
    assert line.endswith("expected a prefix of layer names: block1, block2, flat, head, image")


def rates(total, schedule="constant", warmup=0.0, base=0.4, steps=None):
    steps = np.arange(total) if steps is None else steps
    return optimizers.learning_rates(Recipe({}, schedule=schedule, warmup=warmup), base, steps, total)


def test_a_rate_is_set_only_where_it_changes():
    assert not Recipe({}).sets_rate
    assert Recipe({}, schedule="cosine").sets_rate
    assert Recipe({}, warmup=0.1).sets_rate


def test_linear_and_cosine_go_from_the_base_towards_zero():
    assert np.allclose(rates(4, "linear"), [0.4, 0.3, 0.2, 0.1])
    assert np.allclose(rates(4, "cosine"), [0.4, 0.2 + 0.2 * np.sqrt(0.5), 0.2, 0.2 - 0.2 * np.sqrt(0.5)])
    for schedule in ("linear", "cosine"):
        assert (np.diff(rates(50, schedule)) < 0).all()
        assert 0 < rates(50, schedule)[-1] < 0.4 / 40
        assert not rates(50, schedule, steps=np.array([50])).any()


def test_warmup_rises_to_the_base_and_the_schedule_begins_after_it():
    assert np.allclose(rates(10, warmup=0.4), [0.1, 0.2, 0.3, *[0.4] * 7])
    found = rates(10, "linear", warmup=0.2)
    assert np.allclose(found[:3], [0.2, 0.4, 0.4])
    assert np.allclose(found[2:], 0.4 * (1 - np.arange(8) / 8))
    assert rates(3, warmup=0.1)[0] == np.float32(0.4)  # shorter than a step


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_lengths_are_shares_so_that_twice_the_steps_stretch_the_course(schedule):
    short, long = rates(100, schedule, warmup=0.1), rates(200, schedule, warmup=0.1)
    assert np.allclose(long[20::2], short[10:])
    assert long.argmax() in (19, 20)
    assert short.argmax() in (9, 10)


def test_a_step_has_its_rate_whichever_steps_it_is_asked_with():
    whole = rates(30, "cosine", warmup=0.2)
    parts = [rates(30, "cosine", warmup=0.2, steps=steps) for steps in np.split(np.arange(30), [1, 7, 20])]
    assert np.array_equal(np.concatenate(parts), whole)
    assert whole.dtype == np.float32


def test_the_decay_of_the_average_rises_to_its_value():
    found = optimizers.average_decays(0.9, np.arange(200))
    assert np.allclose(found[[0, 8, 71, 80, 199]], [1 / 10, 9 / 18, 72 / 81, 0.9, 0.9])
    assert (np.diff(found) >= 0).all()
    assert found.max() == np.float32(0.9)
    assert not optimizers.average_decays(0.0, np.arange(5)).any()
