"""Optimizer blocks, checked without Keras as Keras would check them."""

import inspect

import keras
import pytest

from stages.runtime.errors import InputError
from stages.study import knobs
from stages.study.checking import check
from stages.study.optimizer_blocks import _optimizers, _signatures
from stages.training import optimizers


def mistakes(class_name, **config):
    """Returns the lines about the optimizer of some knobs."""
    block = {"class_name": class_name, "config": config}
    return [str(mistake) for mistake in check(knobs.TrainingKnobs, {"optimizer": block})[1]]


def build(class_name, config):
    """Has Keras build the optimizer, as a training does."""
    recipe = optimizers.Recipe({"class_name": class_name, "config": config})
    optimizers.build(recipe, [keras.Variable([0.0])])


def schedule(class_name, **config):
    return {"class_name": class_name, "config": config}


pytestmark = pytest.mark.usefixtures("keras_configured")  # before Keras makes its first variable
COSINE = {"initial_learning_rate": 0.1, "decay_steps": 100}
GOOD = [
    ("SGD", {}),
    ("sgd", {"learning_rate": 0.01, "momentum": 0.9, "nesterov": True}),
    ("Adam", {"learning_rate": 0.001, "beta_1": 0.9, "epsilon": 1e-7, "amsgrad": False}),
    ("AdamW", {"weight_decay": 0.004, "clipnorm": 1.0}),
    ("RMSprop", {"rho": 0.9, "centered": False}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.95}),
    ("Ftrl", {"learning_rate_power": -0.5}),
    ("SGD", {"learning_rate": schedule("CosineDecay", **COSINE)}),
    (
        "SGD",
        {"learning_rate": schedule("PiecewiseConstantDecay", boundaries=[10], values=[0.1, 0.01])},
    ),
]
REFUSED_BY_KERAS = [
    ("Adm", {}),
    ("Optimizer", {}),
    ("Dense", {}),
    ("os.system", {}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"momentum": 0.9}),
    ("SGD", {"learning_rate": "0.1"}),
    ("SGD", {"learning_rate": None}),
    ("SGD", {"learning_rate": [0.1]}),
    ("SGD", {"learning_rate": schedule("CosinDecay", **COSINE)}),
    ("SGD", {"learning_rate": schedule("CosineDecay", initial_learning_rate=0.1)}),
    ("SGD", {"learning_rate": schedule("CosineDecay", **COSINE, decay=1)}),
    ("SGD", {"learning_rate": {"initial_learning_rate": 0.1}}),
]
REFUSED_BY_US_ALONE = [
    ("SGD", {"learning_rate": -0.1}),
    ("SGD", {"learning_rate": 0.0}),
    ("SGD", {"learning_rate": float("nan")}),
    ("SGD", {"learning_rate": float("inf")}),
    ("Adam", {"epsilon": "1e-7"}),
    ("AdamW", {"clipnorm": "1e-4"}),
    ("SGD", {"weight_decay": float("inf")}),
    ("SGD", {"weight_decay": {"a": 1}}),
]


@pytest.mark.parametrize(("class_name", "config"), GOOD)
def test_a_block_that_keras_takes_passes(class_name, config):
    build(class_name, config)
    assert mistakes(class_name, **config) == []


@pytest.mark.parametrize(("class_name", "config"), REFUSED_BY_KERAS)
def test_a_block_that_keras_refuses_is_one_mistake(class_name, config):
    with pytest.raises(InputError):
        build(class_name, config)
    assert mistakes(class_name, **config)


@pytest.mark.parametrize(("class_name", "config"), REFUSED_BY_US_ALONE)
def test_a_value_that_keras_takes_and_no_training_can_use_is_one_mistake(class_name, config):
    assert len(mistakes(class_name, **config)) == 1


@pytest.mark.parametrize(
    ("class_name", "config", "line"),
    [
        (
            "Adm",
            {},
            "optimizer.class_name is 'Adm', expected one of {optimizers}. Did you mean 'Adam'?",
        ),
        (
            "Adam",
            {"lerning_rate": 0.1},
            "optimizer.config.lerning_rate is unknown. Did you mean 'learning_rate'?",
        ),
        (
            "Adam",
            {"learning_rate": "1e-5"},
            "optimizer.config.learning_rate is '1e-5', expected a number, above 0 and at most 1000;"
            " write it without quotes",
        ),
        (
            "AdamW",
            {"clipnorm": "1e-4"},
            "optimizer.config.clipnorm is '1e-4', expected a number; write it without quotes",
        ),
        (
            "SGD",
            {"learning_rate": schedule("CosineDecay", initial_learning_rate=0.1)},
            "optimizer.config.learning_rate.config lacks decay_steps",
        ),
    ],
)
def test_the_message_names_the_place_and_what_was_expected(class_name, config, line):
    assert mistakes(class_name, **config) == [line.format(optimizers=", ".join(_optimizers()))]


def test_several_mistakes_of_a_block_are_reported_at_once():
    assert len(mistakes("SGD", learning_rate=-1.0, momentun=0.9, nesterov={})) == 3


def test_averaged_weights_are_refused_for_the_knob_that_ends_in_the_model():
    assert mistakes("SGD", use_ema=True) == [
        "optimizer.config.use_ema is True, expected false; use the knob `ema`"
    ]
    assert mistakes("SGD", use_ema=False) == []


@pytest.mark.parametrize(
    "block", [{}, {"class_name": "SGD"}, {"config": {}}, {"class_name": 5, "config": []}, "SGD"]
)
def test_a_block_of_another_shape_is_an_error(block):
    assert check(knobs.TrainingKnobs, {"optimizer": block})[1]


def test_what_is_read_of_the_installed_keras_is_what_it_has():
    """Keras' files are read, not imported: should a version lay them out anew, this test says so."""
    schedules = _signatures("schedules")
    assert {"SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Nadam"} <= set(_optimizers())
    assert {"CosineDecay", "ExponentialDecay", "PiecewiseConstantDecay"} <= set(schedules)
    for module, read in ((keras.optimizers, _optimizers()), (keras.optimizers.schedules, schedules)):
        for name, arguments in read.items():
            known = inspect.signature(getattr(module, name)).parameters
            assert list(arguments) == [word for word in known if word != "kwargs"]
