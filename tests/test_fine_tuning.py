"""Backbone and head as one model, and which of its weights go on learning."""

import hashlib
import json
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from stages import fine_tune
from stages.errors import InputError
from stages.networks import dense_head, small_backbone
from stages.train_head import end_to_end
from stages.training import fine_tuning, fitting
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")

HEAD = ["head_dense1/kernel", "head_dense1/bias", "head_logits/kernel", "head_logits/bias"]
BACKBONE = [f"conv{block}_conv/{weight}" for block in (2, 3, 4, 5) for weight in ("kernel", "bias")]


@pytest.fixture(scope="module")
def backbone(keras_configured):
    """The small backbone, with batch normalisations that have gathered statistics."""
    backbone = small_backbone.build()
    rng = np.random.default_rng(0)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.gamma.shape
            layer.set_weights(
                [np.ones(n), rng.normal(0, 0.1, n), rng.normal(0, 0.1, n), rng.uniform(0.5, 2, n)]
            )
    return backbone


@pytest.fixture
def head(tiny_variant):
    variant = tiny_variant(architecture="dense_head", dense_units=[4], dense_dropout=[0.4], batch_norm="none")
    return dense_head.build(variant, (2048,), 3)


@pytest.fixture
def whole(backbone, head):
    return end_to_end(backbone, head)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(1).integers(0, 256, (6, 16, 16, 3)).astype(np.float32)


def trainable(model):
    return [weight.path for weight in model.trainable_weights]


def test_the_joined_model_predicts_what_the_head_does_on_cached_features(whole, head, backbone, pictures):
    pooled = backbone.predict_on_batch(pictures).mean(axis=(1, 2))
    expected = head.predict_on_batch(pooled)
    assert np.ptp(expected, axis=0).max() > 1e-3  # the pictures tell apart, so this can fail
    assert np.allclose(whole.predict_on_batch(pictures), expected, atol=1e-6)
    assert whole.name == head.name == "tiny"
    assert whole.count_params() == backbone.count_params() + head.count_params()


def test_the_joined_model_is_flat_and_its_backbone_is_frozen(whole, backbone, head):
    names = [layer.name for layer in whole.layers]
    assert names == [
        *(layer.name for layer in backbone.layers),
        "pooled_features",
        *(layer.name for layer in head.layers[1:]),
    ]
    assert trainable(whole) == HEAD


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("all", [*BACKBONE, *HEAD]),
        ("none", HEAD),
        ("conv5", ["conv5_conv/kernel", "conv5_conv/bias", *HEAD]),
        ("conv", [*BACKBONE, *HEAD]),
        ("conv4_conv", ["conv4_conv/kernel", "conv4_conv/bias", *HEAD]),
        ("head_logits", HEAD),
    ],
)
def test_unfreezing_sets_exactly_which_weights_learn(whole, which, expected):
    for before in ("all", "none"):  # whatever was set before
        fine_tuning.unfreeze(whole, before)
        fine_tuning.unfreeze(whole, which)
        assert trainable(whole) == expected


def test_an_unknown_prefix_is_an_error_that_names_those_there_are(whole):
    with pytest.raises(InputError) as caught:
        fine_tuning.unfreeze(whole, "conv6")
    assert str(caught.value) == (
        "unfreeze: no layer's name starts with 'conv6'; names start with "
        "conv2, conv3, conv4, conv5, head, image, pixels, pooled, probabilities"
    )


def test_training_on_moves_the_unfrozen_weights_and_no_batch_normalisation(
    backbone, head, pictures, tiny_variant
):
    copy = keras.models.clone_model(backbone)
    copy.set_weights(backbone.get_weights())
    model = end_to_end(copy, head)
    fine_tuning.unfreeze(model, "conv5")
    before = {weight.path: np.asarray(weight).copy() for weight in model.weights}
    sgd = {"class_name": "SGD", "config": {"learning_rate": 0.1}}
    trained = fitting.compiled(model, tiny_variant(optimizer=sgd))
    for _ in range(2):
        trained.train_on_batch(pictures, np.array([0, 1, 2, 0, 1, 2]))
    moved = {weight.path for weight in model.weights if not np.array_equal(weight, before[weight.path])}
    assert moved == set(trainable(model)) == {"conv5_conv/kernel", "conv5_conv/bias", *HEAD}
    assert sum("moving" in path for path in before) == 8


@pytest.fixture
def command(prepared, whole, tiny_variant, tmp_path, monkeypatch):
    """The command that goes on from a saved model, in a folder with all it reads."""
    monkeypatch.chdir(tmp_path)
    for folder in ("backbone", "start"):
        (tmp_path / folder).mkdir()
    (tmp_path / "backbone/provenance.json").write_text(
        json.dumps({"w.h5": {"kind": "stand-in", "sha256": ""}})
    )
    save_model(whole, tmp_path / "start/model.keras")
    pd.DataFrame({"epoch": [1, 2, 3]}).to_csv("start/history.csv", index=False)
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path("start").iterdir()}
    (tmp_path / "start/run.json").write_text(json.dumps({"sha256": hashes}))
    variant = {
        knob: value
        for knob, value in tiny_variant().items()
        if knob in ("seed", "threads", "batch_size", "flip", "zoom", "code")
    }
    still = {"class_name": "SGD", "config": {"learning_rate": 0.0}}
    variant |= {"name": "tuned", "starts_from": "tiny", "unfreeze": "conv5", "epochs": 2, "optimizer": still}
    (tmp_path / "tuned.json").write_text(json.dumps(variant))
    monkeypatch.setattr(
        sys, "argv", ["fine_tune", "tuned.json", str(prepared), "backbone", "start", "models/tuned"]
    )
    return fine_tune.main


def test_the_command_goes_on_from_a_saved_model(command, whole, tmp_path, capsys):
    command()
    assert pd.read_csv("models/tuned/history.csv")["epoch"].tolist() == [4, 5]
    assert capsys.readouterr().out.splitlines()[1].startswith("tuned: epoch 4/5, ")
    record = json.loads((tmp_path / "models/tuned/run.json").read_text())
    assert (record["variant"], record["provenance"]) == ("tuned", "stand-in")
    assert set(record["sources"]) == {"archive.tgz", "w.h5"}
    n_trained = 128 * 2048 + 2048 + 2048 * 4 + 4 + 4 * 3 + 3
    assert record["parameters"] == {"total": whole.count_params(), "trainable": n_trained}
    loaded = keras.saving.load_model(tmp_path / "models/tuned/model.keras")
    for old, new in zip(whole.weights, loaded.weights, strict=True):
        assert np.array_equal(old, new)  # at a learning rate of 0 it is the model it started from


def test_a_start_that_its_training_did_not_write_is_refused(command, tmp_path):
    with (tmp_path / "start/model.keras").open("ab") as file:
        file.write(b"\n")  # which a reader of zip files would not mind
    with pytest.raises(InputError, match=r"^start/model.keras has sha256 .*, its stage wrote "):
        command()
    assert not (tmp_path / "models/tuned").exists()
