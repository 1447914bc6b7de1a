"""Optimizers are Keras' own; learning rates follow shares of the training, not counted steps."""

import copy

import numpy as np
import pytest

from stages.runtime.errors import InputError
from stages.training import optimizers

pytestmark = pytest.mark.usefixtures("keras_configured")


@pytest.mark.parametrize("name", ["Adagrad", "RMSprop", "Adadelta", "SGD", "Adam"])
def test_the_optimizers_of_the_report_are_keras_own_and_the_block_stays_as_it_is(name):
    block = {"class_name": name, "config": {"learning_rate": 0.25}}
    before = copy.deepcopy(block)
    optimizer = optimizers.build(block)
    assert type(optimizer).__name__ == name
    assert float(optimizer.learning_rate) == 0.25
    assert block == before


def test_a_learning_rate_may_be_a_schedule_of_keras():
    decay = {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5}
    block = {"class_name": "SGD", "config": {"learning_rate": schedule(decay)}}
    optimizer = optimizers.build(block)
    optimizer.iterations.assign(3)
    assert float(optimizer.learning_rate) == pytest.approx(0.05)
    assert block["config"]["learning_rate"] == schedule(decay)


def schedule(config):
    module = "keras.optimizers.schedules"
    return {"module": module, "class_name": "ExponentialDecay", "registered_name": None, "config": config}


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
        optimizers.build(block)
    start = f"Keras refuses optimizer {block}: "
    assert str(caught.value).startswith(start)
    assert problem in str(caught.value).removeprefix(start)
    assert len(str(caught.value).splitlines()) == 1


def rates(total, schedule="constant", warmup=0.0, base=0.4):
    return optimizers.learning_rates(base, np.arange(total), total, schedule=schedule, warmup=warmup)


def test_a_constant_rate_stays():
    assert np.array_equal(rates(7), np.full(7, 0.4, np.float32))


def test_linear_and_cosine_go_from_the_base_towards_zero():
    assert np.allclose(rates(4, "linear"), [0.4, 0.3, 0.2, 0.1])
    assert np.allclose(rates(4, "cosine"), [0.4, 0.2 + 0.2 * np.sqrt(0.5), 0.2, 0.2 - 0.2 * np.sqrt(0.5)])
    for schedule in ("linear", "cosine"):
        assert (np.diff(rates(50, schedule)) < 0).all()
        assert 0 < rates(50, schedule)[-1] < 0.4 / 40
        assert not optimizers.learning_rates(0.4, np.array([50]), 50, schedule=schedule, warmup=0.0).any()


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
    parts = [
        optimizers.learning_rates(0.4, steps, 30, schedule="cosine", warmup=0.2)
        for steps in np.split(np.arange(30), [1, 7, 20])
    ]
    assert np.array_equal(np.concatenate(parts), whole)
    assert whole.dtype == np.float32


def test_the_decay_of_the_average_rises_to_its_value():
    found = optimizers.average_decays(0.9, np.arange(200))
    assert np.allclose(found[[0, 8, 71, 72, 199]], [1 / 10, 9 / 18, 72 / 81, 0.9 * 81 / 81, 0.9], atol=2e-2)
    assert (np.diff(found) >= 0).all()
    assert found.max() == np.float32(0.9)
    assert not optimizers.average_decays(0.0, np.arange(5)).any()
