"""Steps inside one graph are Keras' own steps, and so are those of the plain path of other backends."""

import keras
import numpy as np
import pytest

from benchmarks import studies
from stages.runtime.modules import find
from stages.training import checkpoints, loop, optimizers, plan, steps

pytestmark = pytest.mark.usefixtures("keras_configured")

BASE_NET = {"base_net": {"filters": [4, 6], "dense_units": [8]}}
NO_CHANCE = {"network": BASE_NET, "augmentation": [["flip", True], ["zoom", 0.3], ["crop", 2], ["cutout", 4]]}
OPTIMIZERS = {
    "SGD": {"learning_rate": 0.05, "momentum": 0.9},
    "Adam": {"learning_rate": 0.01},
}


def prepared(data, **changes):
    settings = studies.settings(**NO_CHANCE, **changes)
    return loop.prepare(studies.build(data, settings), data, settings)


def chunks(run, epoch=1):
    settings, data = run.settings, run.data
    drawn = plan.draw(data.rows("train"), seed=0, epoch=epoch, augmentation=settings.augmentation)
    return list(plan.chunks(drawn, data.inputs, data.labels, settings.batch_size))


def runner(run, how=steps.runner, *, sets_rate=False):
    if how is steps.runner:
        augmentation = run.settings.augmentation
        return how(
            run.model,
            dtype=run.data.inputs.dtype,
            augmentation=augmentation,
            average=run.average,
            sets_rate=sets_rate,
        )
    return how(run.model, steps._composed(run.settings.augmentation), run.average, sets_rate)


def weights(run):
    return checkpoints.state([variable for variable in run.variables if "float" in variable.dtype])


@pytest.fixture
def policy():
    """Sets Keras' precision for a test."""
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("optimizer", "precision", "tolerance"),
    [("SGD", "float32", 1e-5), ("Adam", "float32", 1e-5), ("SGD", "mixed_float16", 2e-2)],
)
def test_steps_of_the_graph_are_those_of_train_on_batch(data, policy, optimizer, precision, tolerance):
    policy(precision)  # with mixed_float16, losses are scaled on the way
    block = {"class_name": optimizer, "config": OPTIMIZERS[optimizer]}
    run, other = (prepared(data, optimizer=block) for _ in range(2))
    run_chunk, modules = runner(run), [(find("augmentation", n), n, a) for n, a in run.settings.augmentation]
    for chunk in chunks(run) + chunks(run, epoch=2):
        zeros = np.zeros(len(chunk.inputs), np.float32)
        for i, (loss, accuracy) in enumerate(run_chunk(chunk, zeros, zeros)):
            images = chunk.inputs[i].astype(np.float32)
            for module, name, amount in modules:
                images = np.asarray(module.apply(images, chunk.draws[name][i], amount=amount))
            logs = other.model.train_on_batch(images, chunk.labels[i], return_dict=True)
            assert loss == pytest.approx(float(logs["loss"]), abs=tolerance)
            if precision == "float32":
                assert accuracy == pytest.approx(float(logs["accuracy"]))
        for first, second in zip(weights(run), weights(other), strict=True):
            assert np.allclose(first, second, atol=tolerance)
    assert int(run.model.optimizer.iterations) == 6


def test_the_plain_path_of_other_backends_gives_nearly_the_same(data):
    knobs = {"ema": 0.8, "label_smoothing": 0.1, "schedule": "cosine", "warmup": 0.2}
    run, other = (prepared(data, **knobs) for _ in range(2))
    paths = runner(run, sets_rate=True), runner(other, steps._plain, sets_rate=True)
    numbers = np.arange(6)
    rates = optimizers.learning_rates(0.001, numbers, 6, schedule="cosine", warmup=0.2)
    decays = optimizers.average_decays(0.8, numbers)
    first = 0
    for chunk in chunks(run) + chunks(run, epoch=2):
        part = slice(first, first + len(chunk.inputs))
        found, expected = (path(chunk, rates[part], decays[part]) for path in paths)
        assert found.shape == (len(chunk.inputs), 2)
        assert found.dtype == expected.dtype == np.float64
        assert np.allclose(found, expected, atol=1e-5)
        first = part.stop
    for found, expected in zip(weights(run), weights(other), strict=True):
        assert np.allclose(found, expected, atol=1e-5)
    assert float(run.model.optimizer.learning_rate) == rates[-1]


def test_a_fixed_rate_is_left_to_the_optimizer(data):
    run = prepared(data)
    (chunk, *_) = chunks(run)
    runner(run)(chunk, np.full(2, 9.0, np.float32), np.zeros(2, np.float32))
    assert float(run.model.optimizer.learning_rate) == pytest.approx(0.001)


def test_augmentations_are_applied_in_the_order_of_the_settings(data):
    images, draws = data.inputs[:5].astype(np.float32), {}
    for name, amount in (("crop", 3), ("cutout", 6)):
        draws[name] = find("augmentation", name).draw(np.random.default_rng(0), 5, amount)
    crop_first = np.asarray(steps._composed([("crop", 3), ("cutout", 6)])(images, draws))
    by_hand = find("augmentation", "crop").apply(images, draws["crop"], amount=3)
    by_hand = np.asarray(find("augmentation", "cutout").apply(by_hand, draws["cutout"], amount=6))
    assert np.array_equal(crop_first, by_hand)
    assert not np.array_equal(
        np.asarray(steps._composed([("cutout", 6), ("crop", 3)])(images, draws)), by_hand
    )


def test_a_prediction_is_the_networks_output_whatever_the_batch_and_leaves_it_alone(data):
    settings = studies.settings()  # with dropout and batch normalisation
    run = loop.prepare(studies.build(data, settings), data, settings)
    predict, before = steps.predictor(run.model), weights(run)
    whole = predict(data.inputs[:9])
    assert np.allclose(whole, run.model.predict_on_batch(data.inputs[:9].astype(np.float32)), atol=1e-6)
    assert np.allclose(
        np.concatenate([predict(data.inputs[:4]), predict(data.inputs[4:9])]), whole, atol=1e-6
    )
    assert whole.dtype == np.float32
    assert all(map(np.array_equal, before, weights(run)))
