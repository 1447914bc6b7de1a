"""ResNet50 from raw pictures: Keras' own preprocessing and weights, and files that are no backbone."""

import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from stages.errors import InputError
from stages.networks import resnet50, small_backbone
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")


@pytest.fixture(scope="module")
def official(keras_configured, tmp_path_factory):
    """Keras' ResNet50 with random weights, and a file that holds them in the layout of the official one."""
    model = keras.applications.ResNet50(weights=None, include_top=False)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.gamma.shape
            layer.set_weights(
                [
                    rng.uniform(0.5, 1.0, n),
                    rng.normal(0, 0.1, n),
                    rng.normal(0, 0.1, n),
                    rng.uniform(0.8, 1.5, n),
                ]
            )
    path = tmp_path_factory.mktemp("official") / "resnet50_weights.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return model, path


def test_the_backbone_gives_what_keras_preprocessing_and_resnet50_give(official):
    model, path = official
    pictures = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3)).astype(np.float32)
    prepared = keras.applications.resnet50.preprocess_input(pictures.copy())
    expected = model.predict_on_batch(prepared)
    backbone = resnet50.from_imagenet_weights(path)
    maps = backbone.predict_on_batch(pictures)
    assert maps.shape == (2, 2, 2, 2048)
    assert np.abs(maps - expected).max() < 1e-4 * np.abs(expected).max()
    # the order of the channels matters, so this can fail
    turned = backbone.predict_on_batch(pictures[..., ::-1])
    assert np.abs(turned - expected).max() > 1e-2 * np.abs(expected).max()
    # 23,587,712 as Keras documents; mean and deviation are no weights
    assert backbone.count_params() == model.count_params() == 23_587_712
    assert resnet50.check(backbone, 64) == (2, 2, 2048)


def test_weights_of_another_network_are_an_error(tmp_path):
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, small_backbone.build())
    with pytest.raises(InputError, match=r"^other.h5 does not hold ResNet50's weights without top: "):
        resnet50.from_imagenet_weights(path)


@pytest.mark.parametrize("content", [b"", b"no weights at all"])
def test_a_file_without_weights_is_an_error(tmp_path, content):
    path = tmp_path / "broken.h5"
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=r"^broken.h5 does not hold ResNet50's weights without top: "
    ) as caught:
        resnet50.from_imagenet_weights(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_backbone_file_gives_the_same_maps(tmp_path):
    backbone = small_backbone.build()
    save_model(backbone, tmp_path / "backbone.keras")
    pictures = np.random.default_rng(0).integers(0, 256, (2, 24, 24, 3)).astype(np.float32)
    loaded = resnet50.from_model_file(tmp_path / "backbone.keras")
    assert np.array_equal(loaded.predict_on_batch(pictures), backbone.predict_on_batch(pictures))
    assert not loaded.compiled
    assert resnet50.check(loaded, 24) == (3, 3, 2048)


def broken(path, kind):
    """Writes a file that is no Keras model."""
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_bytes(b"weights")
    elif kind == "truncated":
        save_model(small_backbone.build(), path)
        path.write_bytes(path.read_bytes()[:5000])
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in kind.items():
                archive.writestr(name, content)


@pytest.mark.parametrize(
    "kind",
    ["empty", "text", "truncated", {"readme.txt": "hello"}, {"config.json": "{", "metadata.json": "{}"}],
    ids=str,
)
def test_a_file_that_is_no_model_is_an_error(tmp_path, kind):
    broken(tmp_path / "backbone.keras", kind)
    with pytest.raises(InputError, match=r"^backbone.keras is not a Keras model: ") as caught:
        resnet50.from_model_file(tmp_path / "backbone.keras")
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_with_a_damaged_byte_is_an_error(tmp_path):
    path = tmp_path / "backbone.keras"
    save_model(small_backbone.build(), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    with pytest.raises(InputError):
        resnet50.from_model_file(path)


def test_a_file_that_holds_a_layer_alone_is_an_error(tmp_path):
    layer = keras.layers.Dense(3)
    layer.build((None, 3))
    keras.saving.save_model(layer, tmp_path / "layer.keras")
    with pytest.raises(InputError):
        resnet50.from_model_file(tmp_path / "layer.keras")


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"^none.keras is not a Keras model: "):
        resnet50.from_model_file(tmp_path / "none.keras")


def test_a_model_that_holds_code_is_refused_and_the_code_not_run(tmp_path):
    inputs = keras.Input((None, None, 3))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x * 2)(inputs)).save(tmp_path / "lambda.keras")
    with pytest.raises(InputError, match=r"^lambda.keras is not a Keras model: .*[Ll]ambda"):
        resnet50.from_model_file(tmp_path / "lambda.keras")


def model(*layers, channels=3, size=None):
    x = inputs = keras.Input((size, size, channels))
    for layer in layers:
        x = layer(x)
    return keras.Model(inputs, x)


def test_a_backbone_for_other_pictures_is_refused():
    for other in (model(keras.layers.Conv2D(2, 1), channels=1), model(keras.layers.Conv2D(2, 1), size=32)):
        with pytest.raises(InputError, match=r"^the backbone refuses RGB pictures of 16x16: "):
            resnet50.check(other, 16)


def test_a_backbone_without_maps_is_refused():
    with pytest.raises(InputError) as caught:
        resnet50.check(model(keras.layers.GlobalAveragePooling2D()), 16)
    assert str(caught.value) == ("the backbone returns shape (2, 3), expected (n, height, width, channels)")


@pytest.mark.parametrize("scale", [float("inf"), float("nan"), 3e38])
def test_a_backbone_whose_maps_are_not_finite_is_refused(scale):
    with pytest.raises(InputError) as caught:
        resnet50.check(model(keras.layers.Rescaling(scale)), 16)
    assert str(caught.value) == ("the backbone returns numbers that are not finite for pictures in [0, 255]")


def test_a_backbone_that_sees_no_difference_between_pictures_is_refused():
    blind = model(keras.layers.Rescaling(1.0, offset=1.0), keras.layers.ReLU(max_value=0.5))  # saturated
    with pytest.raises(InputError, match="the same maps for different pictures; it has to take raw RGB"):
        resnet50.check(blind, 16)


def test_a_backbone_of_two_outputs_is_refused():
    inputs = keras.Input((None, None, 3))
    two = keras.Model(inputs, [keras.layers.ReLU()(inputs), keras.layers.ReLU()(inputs)])
    with pytest.raises(InputError) as caught:
        resnet50.check(two, 16)
    assert str(caught.value) == "the backbone has 1 inputs and 2 outputs, expected one of each"
