"""The training loop: what an epoch records, what its knobs do, what makes a run end, resume or start."""

import dataclasses
import os
import signal

import keras
import numpy as np
import pytest

from benchmarks import studies
from benchmarks.studies import PLAIN
from stages.runtime import signals
from stages.runtime.errors import InputError
from stages.training import checkpoints, loop, optimizers, plan, prediction, steps

pytestmark = pytest.mark.usefixtures("keras_configured")

COLUMNS = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]
STILL = {"class_name": "SGD", "config": {"learning_rate": 0.0}}  # weights stay, so losses can be compared
ADAM = {"class_name": "Adam", "config": {"learning_rate": 0.01}}


@pytest.fixture
def prepare(data):
    """A function that makes a run of the tiny variant with changes."""

    def prepare(**changes):
        settings = studies.settings(**changes)
        return loop.prepare(studies.build(data, settings), data, settings)

    return prepare


@pytest.fixture
def fit(tmp_path):
    """A function that trains a run, with the checkpoint of a name."""
    return lambda run, name="c", code="code", **more: loop.fit(
        run, checkpoint=tmp_path / f"{name}.npz", code=code, **more
    )


def of_split(run, split):
    """A network's probabilities on a split and their labels, by Keras' own forward pass."""
    rows = run.data.rows(split)
    found = run.model.predict_on_batch(run.data.inputs[rows].astype(np.float32)).astype(np.float64)
    return found, run.data.labels[rows]


def test_the_history_is_the_mean_over_all_examples_whatever_the_batches(prepare, fit):
    run = prepare(**PLAIN, optimizer=STILL, epochs=1)  # batches of 10, 10 and 4
    (record,) = fit(run)
    for split, prefix in (("train", ""), ("validation", "val_")):
        found, labels = of_split(run, split)
        losses = -np.log(found[np.arange(len(labels)), labels])
        assert record[f"{prefix}loss"] == pytest.approx(losses.mean(), rel=1e-5)
        assert record[f"{prefix}accuracy"] == pytest.approx((found.argmax(axis=1) == labels).mean())


def test_the_history_has_a_record_for_each_epoch(prepare, fit, capsys):
    history = fit(prepare(epochs=2))
    assert [list(record) for record in history] == [COLUMNS] * 2
    assert [record["epoch"] for record in history] == [1, 2]
    assert {type(record[name]) for record in history for name in COLUMNS[1:]} == {float}
    assert [record["learning_rate"] for record in history] == [0.001] * 2
    lines = capsys.readouterr().out.splitlines()
    values = ", ".join(f"{name} {history[0][name]:.4f}" for name in COLUMNS[1:5])
    assert lines[0] == f"tiny: epoch 1/2, {values}"
    assert [line.split(",")[0] for line in lines] == ["tiny: epoch 1/2", "tiny: epoch 2/2"]


def test_preparing_leaves_the_model_that_is_saved_without_an_optimizer(data):
    model = studies.build(data, studies.settings())
    run = loop.prepare(model, data, studies.settings())
    assert (model.compiled, run.model.compiled) == (False, True)
    assert [id(weight) for weight in model.weights] == [id(weight) for weight in run.model.weights]


@pytest.mark.parametrize(
    "network",
    [studies.SMALL, {"residual_net": {"filters": [4, 8]}}],
    ids=["base_net", "residual_net"],
)
def test_training_lowers_the_loss(prepare, fit, network):
    history = fit(prepare(**PLAIN | {"network": network}, optimizer=ADAM, epochs=8))
    assert history[-1]["loss"] < 0.9 * history[0]["loss"]


@pytest.mark.parametrize("augmentation", [["flip", True], ["zoom", 0.5], ["crop", 4], ["cutout", 8]])
def test_an_augmentation_changes_what_is_learned_and_not_what_is_validated(prepare, fit, augmentation):
    still = {"network": PLAIN["network"], "optimizer": STILL, "epochs": 1}
    (plain,) = fit(prepare(**still, augmentation=[]), "plain")
    (augmented,) = fit(prepare(**still, augmentation=[augmentation]), "augmented")
    assert augmented["loss"] != pytest.approx(plain["loss"], rel=1e-6)
    assert augmented["val_loss"] == plain["val_loss"]


def test_label_smoothing_spreads_a_share_of_each_target_in_training_alone(prepare, fit):
    run = prepare(**PLAIN, optimizer=STILL, epochs=1, label_smoothing=0.3)
    (record,) = fit(run)
    found, labels = of_split(run, "train")
    targets = 0.7 * np.eye(3)[labels] + 0.1
    assert record["loss"] == pytest.approx(-(targets * np.log(found)).sum(axis=1).mean(), rel=1e-5)
    found, labels = of_split(run, "validation")
    assert record["val_loss"] == pytest.approx(-np.log(found[np.arange(8), labels]).mean(), rel=1e-5)


@pytest.mark.parametrize("knobs", [{"schedule": "linear"}, {"schedule": "cosine", "warmup": 0.5}])
def test_a_schedule_counts_steps_over_all_epochs_and_changes_what_is_learned(prepare, fit, knobs):
    run = prepare(**PLAIN, **knobs)
    history = fit(run, "scheduled")
    rates = optimizers.learning_rates(0.001, np.array([2, 5, 8]), 9, **{"warmup": 0.0} | knobs)
    assert [record["learning_rate"] for record in history] == pytest.approx(rates.tolist())  # the last step's
    constant = fit(prepare(**PLAIN), "constant")
    assert history[0]["loss"] != constant[0]["loss"]


def test_a_schedule_of_keras_is_recorded(prepare, fit):
    config = {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5}
    block = {"module": "keras.optimizers.schedules", "class_name": "ExponentialDecay", "config": config}
    history = fit(
        prepare(
            **PLAIN,
            epochs=2,
            optimizer={"class_name": "SGD", "config": {"learning_rate": block | {"registered_name": None}}},
        )
    )
    assert [record["learning_rate"] for record in history] == pytest.approx([0.05, 0.025])  # 3 steps an epoch


def test_averaged_weights_end_in_the_network_and_are_what_is_validated(prepare, fit):
    run, other = prepare(ema=0.6, epochs=2), prepare(epochs=2)
    (*_, last) = fit(run)
    # by hand, after each step of the same training without averages
    weights = [weight for weight in other.model.weights if "float" in weight.dtype]
    averages = [values.astype(np.float64) for values in checkpoints.state(weights)]
    run_chunk = loop._compute(other)
    step = 0
    for epoch in (1, 2):
        loop._seed_dropout(other.model, 0, epoch)
        drawn = plan.draw(
            other.data.rows("train"), seed=0, epoch=epoch, augmentation=other.settings.augmentation
        )
        for chunk in plan.chunks(drawn, other.data.inputs, other.data.labels, 10):
            for i in range(len(chunk.inputs)):
                draws = {name: values[i : i + 1] for name, values in chunk.draws.items()}
                one = plan.Chunk(chunk.inputs[i : i + 1], chunk.labels[i : i + 1], draws)
                run_chunk(one, np.zeros(1, np.float32), np.zeros(1, np.float32))
                decay = min(0.6, (1 + step) / (10 + step))
                values = checkpoints.state(weights)
                averages = [
                    decay * old + (1 - decay) * new for old, new in zip(averages, values, strict=True)
                ]
                step += 1
    found = checkpoints.state([weight for weight in run.model.weights if "float" in weight.dtype])
    assert step == 6
    for average, values, unaveraged in zip(averages, found, checkpoints.state(weights), strict=True):
        assert np.allclose(values, average, atol=1e-5)
        assert average.shape == (3,) or not np.allclose(values, unaveraged, atol=1e-6)
    probabilities, labels = of_split(run, "validation")
    expected = prediction.loss_and_accuracy(probabilities, labels)
    assert (last["val_loss"], last["val_accuracy"]) == pytest.approx(tuple(expected.values()), rel=1e-5)


def test_dropout_is_a_function_of_seed_and_epoch(prepare, fit):
    """Epoch 2 alone, from weights that stay, gives what it gives after epoch 1."""

    def trained(name, epochs, first_epoch):
        run = prepare(optimizer=STILL, epochs=epochs)
        history = fit(run, name, first_epoch=first_epoch)
        return history, np.asarray(run.model.get_layer("block1_dropout").seed_generator.state).tolist()

    (first, second), state = trained("two", 2, 1)
    (alone,), state_alone = trained("alone", 1, 2)
    assert (alone["epoch"], alone["loss"], state_alone) == (2, second["loss"], state)
    (other,), state_other = trained("other", 1, 3)
    assert state_other[0] != state[0]
    assert len({first["loss"], second["loss"], other["loss"]}) == 3


HUGE = {"class_name": "SGD", "config": {"learning_rate": 1e38}}


def test_a_loss_that_is_not_finite_ends_the_run_and_says_where(prepare, fit, tmp_path):
    message = r"^variant 'tiny': the loss is (nan|inf) in epoch 1, step 2; lower the learning_rate$"
    with pytest.raises(InputError, match=message):
        fit(prepare(**PLAIN, optimizer=HUGE))
    assert list(tmp_path.glob("*.npz")) == []


def test_a_validation_loss_that_is_not_finite_ends_the_run_before_its_checkpoint(prepare, fit, tmp_path):
    message = "^variant 'tiny': the validation loss is nan after epoch 1; lower the learning_rate$"
    with pytest.raises(InputError, match=message):
        fit(prepare(**PLAIN, optimizer=HUGE, batch_size=24))  # its one step is still finite
    assert list(tmp_path.glob("*.npz")) == []


def test_the_fingerprint_depends_on_all_that_a_training_does(prepare, data):
    def fingerprint(code="code", hashes=None, **changes):
        run = prepare(**PLAIN, **changes)
        return loop._fingerprint(
            dataclasses.replace(run, data=dataclasses.replace(data, hashes=hashes or {})), code
        )

    seen = [
        fingerprint(),
        fingerprint(code="other"),
        fingerprint(hashes={"images.npy": "5" * 64}),
        *(fingerprint(**change) for change in ({"epochs": 4}, {"seed": 1}, {"ema": 0.9}, {"warmup": 0.1})),
    ]
    assert len(set(seen)) == len(seen)
    assert fingerprint() == seen[0]
    started = prepare(**PLAIN)
    started.model.get_layer("head_logits").bias.assign([0, 0, 1])  # a start from other weights
    assert loop._fingerprint(started, "code") not in seen


def test_a_checkpoint_of_a_different_run_is_not_used(prepare, fit, capsys):
    fit(prepare(**PLAIN, epochs=1))
    history = fit(prepare(**PLAIN, epochs=1, seed=1))
    assert history == fit(prepare(**PLAIN, epochs=1, seed=1), "fresh")
    assert fit(prepare(**PLAIN, epochs=1, seed=1), code="edited") == history
    assert "resuming" not in capsys.readouterr().out


def test_a_run_that_is_over_trains_no_more_and_ends_in_its_averages(prepare, fit, tmp_path, capsys):
    first, again = prepare(ema=0.5, epochs=1), prepare(ema=0.5, epochs=1)
    history, before = fit(first), (tmp_path / "c.npz").read_bytes()
    capsys.readouterr()
    assert fit(again) == history
    assert capsys.readouterr().out == "tiny: resuming after epoch 1\n"
    assert (tmp_path / "c.npz").read_bytes() == before
    weights, expected = (checkpoints.state(run.model.weights) for run in (again, first))
    assert all(map(np.array_equal, weights, expected))


def test_the_warm_up_leaves_weights_averages_seeds_and_optimizer_as_they_were(prepare):
    run = prepare(ema=0.5)
    before = checkpoints.state(run.variables)
    loop._warm_up(run, loop._compute(run))
    assert all(map(np.array_equal, checkpoints.state(run.variables), before))


@pytest.mark.parametrize("chunk", [2, 4])
def test_a_signal_ends_after_its_chunk_and_the_run_resumes_exactly(prepare, fit, monkeypatch, capsys, chunk):
    monkeypatch.setattr(signals, "_ending", [])
    monkeypatch.setattr(plan, "MAX_STEPS", 1)
    knobs = {"ema": 0.5, "schedule": "linear", "epochs": 2}
    expected_run = prepare(**knobs)
    expected = fit(expected_run, "undisturbed")
    original, count = steps.runner, -2  # the warm-up's

    def runner(*arguments, **keywords):
        run_chunk = original(*arguments, **keywords)

        def counted(*values):
            nonlocal count
            count += 1
            if count == chunk:
                os.kill(os.getpid(), signal.SIGTERM)
            return run_chunk(*values)

        return counted

    with monkeypatch.context() as patched:
        patched.setattr(steps, "runner", runner)
        with pytest.raises(SystemExit):
            fit(prepare(**knobs))
    place = {2: "the start, step 2", 4: "epoch 1, step 1"}[chunk]
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"tiny: stopped after {place}; run the same command again to resume"
    monkeypatch.setattr(signals, "_ending", [])
    run = prepare(**knobs)
    assert fit(run) == expected
    assert capsys.readouterr().out.splitlines()[0] == f"tiny: resuming after {place}"
    states = (checkpoints.state(each.variables) for each in (run, expected_run))
    assert all(map(np.array_equal, *states))


def test_bfloat16_trains_and_gives_probabilities_in_float32(prepare, fit):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        run = prepare(**PLAIN, epochs=1, precision="mixed_bfloat16")
        (record,) = fit(run)
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(record["loss"])
    assert run.model.get_layer("block1_conv1").compute_dtype == "bfloat16"
    probabilities = steps.predictor(run.model)(run.data.inputs[:4])
    assert run.model.outputs[0].dtype == "float32"
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
