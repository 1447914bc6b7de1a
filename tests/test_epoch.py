"""One epoch: what its record says, what its chance depends on, and that the warm-up leaves no trace."""

import keras
import numpy as np
import pytest
from test_sgd import fit, of_split

from benchmarks import studies
from benchmarks.studies import PLAIN
from stages.datasets.prepared import Dataset
from stages.runtime.errors import InputError
from stages.training import checkpoints, epoch, plan
from stages.training.session import prepare

pytestmark = pytest.mark.usefixtures("keras_configured")

STILL = {"class_name": "SGD", "config": {"learning_rate": 0.0}}  # weights stay, so losses can be compared
HUGE = {"class_name": "SGD", "config": {"learning_rate": 1e38}}


def test_the_history_is_the_mean_over_all_examples_whatever_the_batches(make):
    run = make(**PLAIN, optimizer=STILL, epochs=1)  # batches of 10, 10 and 4
    (record,) = fit(run)
    for split, prefix in (("train", ""), ("validation", "val_")):
        found, labels = of_split(run, split)
        losses = -np.log(found[np.arange(len(labels)), labels])
        assert record[f"{prefix}loss"] == pytest.approx(losses.mean(), rel=1e-5)
        assert record[f"{prefix}accuracy"] == pytest.approx((found.argmax(axis=1) == labels).mean())


@pytest.mark.parametrize(
    "augmentation", [["crop", 4], ["mixup", 1.0]], ids=lambda augmentation: augmentation[0]
)
def test_an_augmentation_changes_what_is_learned_and_not_what_is_validated(make, augmentation):
    still = {"network": PLAIN["network"], "optimizer": STILL, "epochs": 1}
    (plain,) = fit(make("plain", **still, augmentation=[]))
    (augmented,) = fit(make("augmented", **still, augmentation=[augmentation]))
    assert augmented["loss"] != pytest.approx(plain["loss"], rel=1e-6)
    assert augmented["val_loss"] == plain["val_loss"]


def test_each_seed_draws_its_own_augmentation(make):
    knobs = PLAIN | {"augmentation": [["crop", 4]], "optimizer": STILL, "epochs": 1}
    model = make(**knobs).model
    first, again, other = (
        fit(make(name, **knobs, seed=seed, model=model))[0]["loss"]
        for name, seed in (("first", 0), ("again", 0), ("other", 1))
    )
    assert first == again
    assert other != pytest.approx(first, rel=1e-5)


def test_dropout_is_a_function_of_seed_and_epoch(make):
    """Epoch 2 alone, from weights that stay, gives what it gives after epoch 1."""
    model = make().model

    def trained(name, epochs, first_epoch, seed=0):
        knobs = {"augmentation": [], "optimizer": STILL, "seed": seed, "model": model}
        run = make(name, **knobs, epochs=epochs, first_epoch=first_epoch)
        history = fit(run)
        return history, np.asarray(run.model.get_layer("block1_dropout").seed_generator.state).tolist()

    (first, second), state = trained("two", 2, 1)
    (alone,), state_alone = trained("alone", 1, 2)
    assert (alone["epoch"], alone["loss"], state_alone) == (2, second["loss"], state)
    (other,), state_other = trained("other", 1, 3)
    assert len({state[0], state_other[0], trained("seed", 1, 2, seed=1)[1][0]}) == 3
    assert len({first["loss"], second["loss"], other["loss"]}) == 3


def test_of_features_one_view_of_each_image_is_learned_from_and_the_mean_of_all_validated(make):
    features = np.random.default_rng(0).normal(size=(40, 3, 5)).astype(np.float32)
    like = studies.dataset()
    data = Dataset(features, like.labels, like.split, like.class_names, {}, {}, 8, "squash")
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, "softmax", name="head_logits")])
    run = make(data=data, model=model, augmentation=[], optimizer=STILL, epochs=1, has_views=True)
    (record,) = fit(run)
    outputs = np.stack([np.asarray(model(features[:, view])) for view in range(3)], axis=1)

    def loss(probabilities, rows):
        return pytest.approx(-np.log(probabilities[np.arange(len(rows)), data.labels[rows]]).mean(), rel=1e-5)

    drawn = plan.draw(data.rows("train"), seed=0, epoch=1, augmentation=(), n_views=3)
    assert record["loss"] == loss(outputs[drawn.rows, drawn.views], drawn.rows)
    rows = data.rows("validation")
    assert record["val_loss"] == loss(outputs[rows].mean(axis=1), rows)


def test_a_loss_that_is_not_finite_ends_the_run_and_says_where(make, tmp_path):
    message = r"^variant 'tiny': the loss is (nan|inf) in epoch 1, step 2; lower the learning_rate$"
    with pytest.raises(InputError, match=message):
        fit(make(**PLAIN, optimizer=HUGE))
    assert list(tmp_path.rglob("*.npz")) == []


def test_a_validation_loss_that_is_not_finite_ends_the_run_before_its_checkpoint(make, tmp_path):
    message = "^variant 'tiny': the validation loss is nan after epoch 1; lower the learning_rate$"
    with pytest.raises(InputError, match=message):
        fit(make(**PLAIN, optimizer=HUGE, batch_size=24))  # its one step is still finite
    assert list(tmp_path.rglob("*.npz")) == []


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_the_warm_up_leaves_weights_averages_seeds_and_optimizer_as_they_were(make, precision):
    keras.config.set_dtype_policy(precision)
    try:
        session = prepare(make(ema=0.5, restore_best=True))
        before = checkpoints.state(session.variables)
        epoch.warm_up(session, session.step_function())
        after = checkpoints.state(session.variables)
        assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))
    finally:
        keras.config.set_dtype_policy("float32")
