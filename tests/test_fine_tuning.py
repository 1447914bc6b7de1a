"""Where a fine-tune starts, and which weights of that model continue to learn."""

import shutil

import keras
import numpy as np
import pytest

from benchmarks.studies import write_json
from stages.backbones import extractor
from stages.demo import small_backbone
from stages.features import joining
from stages.networks import dense_head, views
from stages.runtime.errors import InputError
from stages.runtime.hashes import file_hash
from stages.training import fine_tuning
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")

HEAD = ["head_dense1/kernel", "head_dense1/bias", "head_logits/kernel", "head_logits/bias"]
BACKBONE = [f"conv{block}_conv/{weight}" for block in (2, 3, 4, 5) for weight in ("kernel", "bias")]


def joined(backbone):
    inputs = keras.Input((2048,), name="pooled_features")
    head = keras.Model(inputs, dense_head.build(inputs, n_classes=3, seed=0, dense_units=[4]), name="tiny")
    return joining.join(backbone, head)


@pytest.fixture(scope="module")
def whole(keras_configured):
    return joined(small_backbone.build())


def trainable(model):
    return [weight.path for weight in model.trainable_weights]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("all", [*BACKBONE, *HEAD]),
        ("none", HEAD),
        ("conv5", ["conv5_conv/kernel", "conv5_conv/bias", *HEAD]),
        ("conv4_conv", ["conv4_conv/kernel", "conv4_conv/bias", *HEAD]),
    ],
)
@pytest.mark.parametrize("before", ["all", "none"])
def test_what_is_named_and_the_head_train_and_batch_normalisation_never(whole, which, expected, before):
    fine_tuning.unfreeze(whole, before)
    fine_tuning.unfreeze(whole, which)
    assert trainable(whole) == expected


def test_batch_normalisation_trains_where_it_is_asked_for(whole):
    fine_tuning.unfreeze(whole, "conv5", batch_norm=True)
    expected = ["conv5_conv/kernel", "conv5_conv/bias", "conv5_bn/gamma", "conv5_bn/beta", *HEAD]
    assert trainable(whole) == expected
    fine_tuning.unfreeze(whole, "none", batch_norm=True)
    assert trainable(whole) == HEAD


def test_an_unknown_prefix_is_an_error_that_names_those_there_are(whole):
    with pytest.raises(InputError) as caught:
        fine_tuning.unfreeze(whole, "conv6")
    assert str(caught.value) == (
        "unfreeze: no layer's name starts with 'conv6'; expected all, none or a prefix of layer names:"
        " conv2, conv3, conv4, conv5, head, image, pixels, pooled, probabilities"
    )


def values(model):
    return {weight.path: keras.ops.convert_to_numpy(weight).copy() for weight in model.weights}


def nested(base):
    inputs = keras.Input((None, None, 3))
    return extractor.flat(keras.Model(inputs, base(inputs, training=False)))


@pytest.mark.parametrize("nest", [lambda base: base, nested], ids=["flat", "nested"])
def test_training_moves_the_unfrozen_weights_and_no_batch_normalisation(nest):
    model = joined(nest(small_backbone.build()))
    fine_tuning.unfreeze(model, "conv5")
    before = values(model)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", jit_compile=False)
    images = np.random.default_rng(1).integers(0, 256, (6, 16, 16, 3)).astype(np.float32)
    for _ in range(2):
        model.train_on_batch(images, np.array([0, 1, 2, 0, 1, 2]))
    moved = {path for path, value in values(model).items() if not np.array_equal(value, before[path])}
    assert moved == {"conv5_conv/kernel", "conv5_conv/bias", *HEAD}
    assert sum("moving" in path for path in before) == 8


def test_batch_normalisation_inside_a_wrapper_stays_frozen_too():
    inputs = keras.Input((2, 8, 8, 3))
    x = keras.layers.TimeDistributed(keras.layers.Conv2D(2, 3), name="conv1")(inputs)
    x = keras.layers.TimeDistributed(keras.layers.BatchNormalization(), name="conv1_bn")(x)
    model = keras.Model(inputs, x)
    fine_tuning.unfreeze(model, "conv1")
    assert len(model.trainable_weights) == 2  # kernel and bias of the convolution
    assert all("conv2d" in weight.path for weight in model.trainable_weights)


def write_seed(folder, seed, model):
    """A trained seed, as far as a fine-tune reads it."""
    place = folder / f"seed-{seed}"
    place.mkdir(parents=True)
    save_model(model, place / "model.keras")
    hashes = {"model.keras": file_hash(place / "model.keras")}
    write_json(place / "run.json", {"seed": seed, "last_epoch": 20 + seed, "sha256": hashes})


def classifier(number):
    """A small model from images to probabilities whose last bias is the number."""
    inputs = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(2, 3, name="conv1")(inputs)
    x = keras.layers.Conv2D(2, 3, name="conv2")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax", name="head_logits")(x), name="tiny")
    model.get_layer("head_logits").bias.assign([number] * 3)
    return model


def bias(model):
    return keras.ops.convert_to_numpy(model.get_layer("head_logits").bias).tolist()


def test_all_seeds_start_from_the_only_one_there_is(tmp_path):
    write_seed(tmp_path / "frozen", 5, classifier(5.0))
    for seed in (0, 5, 6):
        assert bias(fine_tuning.load(tmp_path / "frozen", seed, {"unfreeze": "all"})) == [5] * 3
        assert fine_tuning.record(tmp_path / "frozen", seed)["seed"] == 5


def test_a_start_that_averages_over_views_learns_from_one_look(tmp_path):
    whole = views.averaged(classifier(1.0), views.views(mirror=True))
    write_seed(tmp_path / "frozen", 0, whole)
    model = fine_tuning.load(tmp_path / "frozen", 0, {"unfreeze": "none"})
    assert model.name == "tiny"
    assert [layer.name for layer in model.layers] == ["image", "conv1", "conv2", "pool", "head_logits"]
    assert trainable(model) == ["head_logits/kernel", "head_logits/bias"]


def test_a_start_that_was_edited_is_refused(tmp_path):
    for seed in (0, 1):
        write_seed(tmp_path / "frozen", seed, classifier(float(seed)))
    shutil.copy(tmp_path / "frozen/seed-0/model.keras", tmp_path / "frozen/seed-1/model.keras")
    with pytest.raises(InputError, match=r"seed-1/model\.keras has sha256 "):
        fine_tuning.load(tmp_path / "frozen", 1, {"unfreeze": "all"})


def test_images_are_enlarged_for_predictions_only(whole):
    images = np.random.default_rng(1).integers(0, 256, (2, 16, 16, 3)).astype(np.float32)
    larger = keras.ops.image.resize(images, (24, 24))
    enlarging = fine_tuning.enlarging(whole, 24)
    np.testing.assert_allclose(enlarging(images), whole(larger), rtol=1e-5)
    assert not np.allclose(enlarging(images), whole(images))
    assert [layer.name for layer in enlarging.layers][:2] == ["image", "enlarged"]
    assert {id(weight) for weight in enlarging.weights} == {id(weight) for weight in whole.weights}
    assert fine_tuning.enlarging(whole, 0) is whole


def test_the_backbone_computes_in_the_precision_that_is_asked_for_and_the_head_in_float32(tmp_path):
    write_seed(tmp_path / "frozen", 0, classifier(1.0))
    model = fine_tuning.load(tmp_path / "frozen", 0, {"unfreeze": "all", "precision": "mixed_bfloat16"})
    computed = {layer.name: layer.compute_dtype for layer in model.layers if layer.weights}
    assert computed == {"conv1": "bfloat16", "conv2": "bfloat16", "head_logits": "float32"}
    assert {weight.dtype for weight in model.weights} == {"float32"}
