"""Steps inside one graph are Keras' own steps, and so are those of the plain path of other backends."""

import dataclasses

import keras
import numpy as np
import pytest

from benchmarks import studies
from stages.runtime.modules import find
from stages.training import checkpoints, optimizers, plan, steps
from stages.training.session import prepare

pytestmark = pytest.mark.usefixtures("keras_configured")

BASE_NET = {"base_net": {"filters": [4, 6], "dense_units": [8]}}
GEOMETRY = [["flip", True], ["zoom", 0.3], ["crop", 2], ["cutout", 4]]
MIXING = [["flip", True], ["cutmix", 0.5], ["mixup", 0.4]]
SGD = {"class_name": "SGD", "config": {"learning_rate": 0.05, "momentum": 0.9}}
ADAM = {"class_name": "Adam", "config": {"learning_rate": 0.01}}
ONE = {"class_name": "SGD", "config": {"learning_rate": 1.0}}  # a step is the gradient itself


@pytest.fixture
def prepared(data, tmp_path):
    """A function that prepares a run without dropout, equal ones each time."""
    knobs = {"network": BASE_NET, "augmentation": GEOMETRY}
    return lambda **changes: prepare(studies.training_run(data, tmp_path, **knobs | changes))


def chunks(training, epoch=1):
    run = training.run
    drawn = plan.draw(run.data.rows("train"), seed=0, epoch=epoch, augmentation=run.augmentation)
    return list(plan.chunks(drawn, run.data.inputs, run.data.labels, training.epochs.batch_size))


def single_steps(training, epoch=1):
    """The chunks of an epoch cut into steps."""
    for chunk in chunks(training, epoch):
        for i in range(len(chunk.inputs)):
            draws = {name: values[i : i + 1] for name, values in chunk.draws.items()}
            yield plan.Chunk(chunk.inputs[i : i + 1], chunk.labels[i : i + 1], draws)


def update(training):
    factors = optimizers.multipliers(training.recipe, training.run.model, "tiny")
    return steps.Update(training.average, factors, training.recipe.sets_rate)


def graph(training):
    """The path of TensorFlow."""
    run = training.run
    return steps.step_function(
        training.model,
        example=run.data.inputs[(0, 0) if run.has_views else 0],
        augmentation=run.augmentation,
        update=update(training),
    )


def plain(training):
    """The path of the other backends, which TensorFlow can take, too."""
    return steps._plain(training.model, steps._composed(training.run.augmentation), update(training))


PATHS = pytest.mark.parametrize("path", [graph, plain])


def zeros(chunk):
    return np.zeros(len(chunk.inputs), np.float32)


def weights(training):
    return checkpoints.state([variable for variable in training.variables if "float" in variable.dtype])


def augmented(training, chunk, i=0):
    """Images and targets of a step, computed outside the graph."""
    images, targets = chunk.inputs[i].astype(np.float32), np.eye(3, dtype=np.float32)[chunk.labels[i]]
    for name, amount in training.run.augmentation:
        apply = find("augmentation", name).apply
        images, targets = apply(images, targets, chunk.draws[name][i], amount=amount)
    return np.asarray(images), np.asarray(targets)


@pytest.fixture
def policy():
    """Sets Keras' precision for a test."""
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("optimizer", "precision", "augmentation", "tolerance"),
    [
        (SGD, "float32", GEOMETRY, 1e-5),
        (ADAM, "float32", MIXING, 1e-5),
        (SGD, "mixed_float16", GEOMETRY, 2e-2),
    ],
)
def test_steps_of_the_graph_are_those_of_train_on_batch(
    prepared, policy, optimizer, precision, augmentation, tolerance
):
    policy(precision)  # with mixed_float16, losses are scaled on the way
    training, other = (prepared(optimizer=optimizer, augmentation=augmentation) for _ in range(2))
    advance = graph(training)
    for chunk in chunks(training) + chunks(training, epoch=2):
        for i, (loss, accuracy) in enumerate(advance(chunk, zeros(chunk), zeros(chunk))):
            logs = other.model.train_on_batch(*augmented(training, chunk, i), return_dict=True)
            assert loss == pytest.approx(float(logs["plain_cross_entropy"]), abs=tolerance)
            if precision == "float32":
                assert accuracy == pytest.approx(float(logs["accuracy"]))
        for first, second in zip(weights(training), weights(other), strict=True):
            assert np.allclose(first, second, atol=tolerance)
    assert int(training.model.optimizer.iterations) == 6


def test_the_plain_path_of_other_backends_gives_nearly_the_same(prepared):
    knobs = {
        **{"ema": 0.8, "label_smoothing": 0.1, "schedule": "cosine", "warmup": 0.2},
        **{"class_weights": "balanced", "rate_multipliers": {"head": 3.0}, "augmentation": MIXING},
    }
    training, other = (prepared(**knobs) for _ in range(2))
    paths = graph(training), plain(other)
    numbers = np.arange(6)
    rates = optimizers.learning_rates(training.recipe, 0.001, numbers, 6)
    decays = optimizers.average_decays(0.8, numbers)
    first = 0
    for chunk in chunks(training) + chunks(training, epoch=2):
        part = slice(first, first + len(chunk.inputs))
        found, expected = (path(chunk, rates[part], decays[part]) for path in paths)
        assert found.shape == (len(chunk.inputs), 2)
        assert found.dtype == expected.dtype == np.float64
        assert np.allclose(found, expected, atol=1e-5)
        first = part.stop
    for found, expected in zip(weights(training), weights(other), strict=True):
        assert np.allclose(found, expected, atol=1e-5)
    assert float(training.model.optimizer.learning_rate) == rates[-1]


def test_a_fixed_rate_is_left_to_the_optimizer(prepared):
    training = prepared()
    (chunk, *_) = chunks(training)
    graph(training)(chunk, np.full(2, 9.0, np.float32), zeros(chunk))
    assert float(training.model.optimizer.learning_rate) == pytest.approx(0.001)


def test_augmentations_are_applied_in_the_order_of_the_knob(data):
    images, draws = data.inputs[:5].astype(np.float32), {}
    targets = np.eye(3, dtype=np.float32)[data.labels[:5]]
    for name, amount in (("crop", 3), ("mixup", 0.4)):
        draws[name] = find("augmentation", name).draw(plan.Chance(0, 1, name), 5, amount)

    def applied(*names):
        return steps._composed(names)(images, targets, draws)

    crop, mixup = ("crop", 3), ("mixup", 0.4)
    by_hand = find("augmentation", "crop").apply(images, targets, draws["crop"], amount=3)
    by_hand = find("augmentation", "mixup").apply(*by_hand, draws["mixup"], amount=0.4)
    assert all(map(np.array_equal, applied(crop, mixup), by_hand))
    assert not np.array_equal(applied(mixup, crop)[0], by_hand[0])


def last_bias(training):
    return checkpoints.state([training.model.get_layer("head_logits").bias])[0].astype(np.float64)


@pytest.fixture
def one_step(prepared):
    """A function that takes one step: before it the outputs p and targets t; loss and bias after it."""

    def one_step(path, **knobs):
        training = prepared(optimizer=ONE, augmentation=MIXING, **knobs)
        chunk = next(single_steps(training))
        images, targets = augmented(training, chunk)
        outputs = np.asarray(training.model(images, training=False), np.float64)
        before = last_bias(training)
        ((loss, accuracy),) = path(training)(chunk, zeros(chunk), zeros(chunk))
        assert np.ptp(targets.max(axis=1)) > 0.1  # some images are mixed
        assert loss == pytest.approx(-(targets * np.log(outputs)).sum(axis=1).mean(), rel=1e-5)
        assert accuracy == pytest.approx((targets.argmax(axis=1) == outputs.argmax(axis=1)).mean())
        return outputs, targets.astype(np.float64), before - last_bias(training)

    return one_step


@PATHS
def test_a_step_goes_down_the_cross_entropy_of_mixed_targets(one_step, path):
    p, t, step = one_step(path)
    assert np.allclose(step, (p - t).mean(axis=0), atol=1e-6)


@PATHS
def test_smoothed_targets_are_learned_from_but_plain_ones_recorded(one_step, path):
    p, t, step = one_step(path, label_smoothing=0.3)
    assert np.allclose(step, (p - (0.7 * t + 0.1)).mean(axis=0), atol=1e-6)


@PATHS
def test_the_squared_error_is_learned_from_but_the_cross_entropy_recorded(one_step, path):
    p, t, step = one_step(path, loss="squared_error")
    # d/dz_j of sum_k (p_k - t_k)^2 with dp_k/dz_j = p_k (1[k=j] - p_j)
    errors = 2 * (p - t)
    expected = p * (errors - (errors * p).sum(axis=1, keepdims=True))
    assert np.allclose(step, expected.mean(axis=0), atol=1e-6)


@PATHS
def test_class_weights_are_learned_from_but_the_plain_cross_entropy_recorded(one_step, data, path):
    p, t, step = one_step(path, class_weights="balanced")
    counts = np.bincount(data.labels[data.rows("train")])
    assert len(set(counts.tolist())) > 1
    of_examples = t @ (24 / (3 * counts))
    assert np.allclose(step, (of_examples[:, None] * (p - t)).mean(axis=0), atol=1e-6)


@PATHS
@pytest.mark.parametrize("optimizer", [SGD, ADAM])
def test_a_rate_multiplier_takes_exactly_its_share_of_every_step(prepared, path, optimizer):
    factors = {"block1": 0.25, "head_logits": 3.0}
    training, other = prepared(optimizer=optimizer, rate_multipliers=factors), prepared(optimizer=optimizer)
    advance, advance_other = path(training), path(other)
    for chunk in single_steps(training):  # the momenta of both depend on gradients alone, which are the same
        before = checkpoints.state(other.model.weights)
        for each in (advance, advance_other):
            each(chunk, zeros(chunk), zeros(chunk))
        for weight, old, scaled, whole in zip(
            other.model.weights,
            before,
            checkpoints.state(training.model.weights),
            checkpoints.state(other.model.weights),
            strict=True,
        ):
            layer = weight.path.split("/")[0]
            factor = {"block1_conv1": 0.25, "head_logits": 3.0}.get(layer, 1.0)
            assert np.abs(whole - old).max() > 1e-6
            assert np.allclose(scaled, old + factor * (whole - old), rtol=0, atol=1e-7)
        checkpoints.assign(training.model.weights, checkpoints.state(other.model.weights))


@PATHS
def test_an_average_moves_by_its_decay_towards_the_weights_after_each_step(prepared, path):
    training = prepared(ema=0.9, optimizer=ONE)
    advance = path(training)
    averages = [checkpoints.state([weight])[0] for _, weight in training.average]
    for chunk, decay in zip(single_steps(training), (0.0, 0.75, 0.5), strict=True):
        advance(chunk, zeros(chunk), np.array([decay], np.float32))
        now = checkpoints.state([weight for _, weight in training.average])
        averages = [decay * old + (1 - decay) * new for old, new in zip(averages, now, strict=True)]
        for average, (moving, _) in zip(averages, training.average, strict=True):
            assert np.allclose(checkpoints.state([moving])[0], average, atol=1e-6)
    assert any(np.abs(average - new).max() > 1e-4 for average, new in zip(averages, now, strict=True))


def test_layers_that_do_not_train_stay_as_they_are(data, tmp_path):
    run = studies.training_run(data, tmp_path, network=BASE_NET, optimizer=ONE)
    run.model.get_layer("block1_conv1").trainable = False
    training, before = prepare(run), checkpoints.state(run.model.weights)
    (chunk, *_) = chunks(training)
    graph(training)(chunk, zeros(chunk), zeros(chunk))
    changed = [
        not np.array_equal(*pair) for pair in zip(before, checkpoints.state(run.model.weights), strict=True)
    ]
    moved = [weight.path for weight, has_moved in zip(run.model.weights, changed, strict=True) if has_moved]
    assert len(moved) == 6  # kernel and bias of three layers
    assert not any(path.startswith("block1_conv1") for path in moved)


@pytest.mark.parametrize("augmentation", [GEOMETRY, [["random_resized_crop", 0.3], ["cutmix", 0.5]]])
def test_a_network_for_images_of_any_size_learns_from_augmented_ones(data, tmp_path, augmentation):
    x = images = keras.Input((None, None, 3))
    for layer in (keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()):
        x = layer(x)
    model = keras.Model(images, keras.layers.Dense(3, activation="softmax")(x))
    run = studies.training_run(data, tmp_path, network=BASE_NET, augmentation=augmentation)
    training = prepare(dataclasses.replace(run, model=model))
    before = weights(training)
    for chunk in chunks(training):
        assert np.isfinite(graph(training)(chunk, zeros(chunk), zeros(chunk))).all()
    assert any((old != new).any() for old, new in zip(before, weights(training), strict=True))
