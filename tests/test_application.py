"""Backbones of keras.applications: the preprocessing inside gives what Keras' own gives outside."""

import sys

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils

from stages.backbones import application, extractor
from stages.demo import small_backbone
from stages.runtime.errors import InputError
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")

MODULES = sorted(
    {getattr(keras.applications, name).__module__ for name in dir(keras.applications) if name[0].isupper()}
)


def images(size):
    return np.random.default_rng(1).integers(0, 256, (2, size, size, 3)).astype(np.float32)


def eagerly(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def write_weights(path, model):
    """Writes the layout of the official weights, with statistics that are no zeros and ones."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 1.0, weight.shape) for weight in layer.weights])
        elif isinstance(layer, keras.layers.Normalization):  # as EfficientNet's weights have them
            layer.set_weights([np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]), np.int32(0)])
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


@pytest.mark.filterwarnings("ignore:`input_shape` is undefined:UserWarning")
@pytest.mark.parametrize("name", ["ResNet50", "EfficientNetB0"])
def test_raw_images_give_what_the_model_that_keras_downloads_gives_for_preprocessed_ones(
    name, tmp_path, monkeypatch
):
    build = getattr(keras.applications, name)
    path = tmp_path / "official_notop.h5"
    model = build(weights=None, include_top=False)
    write_weights(path, model)
    backbone = application.load(path, application=name)
    monkeypatch.setattr(file_utils, "get_file", lambda *arguments, **options: str(path))
    downloaded = build(weights="imagenet", include_top=False)
    x = images(64)
    expected = eagerly(downloaded, sys.modules[build.__module__].preprocess_input(x.copy()))
    maps = eagerly(backbone, x)
    assert np.abs(maps - expected).max() < 1e-5 * np.abs(expected).max()
    assert backbone.count_params() == model.count_params()  # mean and deviation are no weights
    assert extractor.flat(backbone) is backbone
    if name == "ResNet50":
        assert maps.shape == (2, 2, 2, 2048)
        assert backbone.count_params() == 23_587_712  # as Keras documents
        turned = eagerly(backbone, x[..., ::-1])  # the order of the channels matters, so this can fail
        assert np.abs(turned - expected).max() > 1e-2 * np.abs(expected).max()


@pytest.mark.parametrize("module", MODULES)
def test_a_normalization_layer_does_what_preprocess_input_does(module):
    preprocess = sys.modules[module].preprocess_input
    (mean, variance), swaps = application._preprocessing(preprocess)
    normalised = eagerly(keras.layers.Normalization(mean=mean, variance=variance), images(8))
    expected = preprocess(images(8))
    assert np.allclose(normalised[..., ::-1] if swaps else normalised, expected, rtol=1e-5, atol=1e-4)


def test_weights_of_another_network_are_an_error(tmp_path):
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, small_backbone.build())
    with pytest.raises(InputError, match=r"^other.h5 does not hold MobileNet's weights without top: "):
        application.load(path, application="MobileNet")


@pytest.mark.parametrize("content", [b"", b"no weights at all"])
def test_a_file_without_weights_is_an_error_of_one_line(tmp_path, content):
    (tmp_path / "broken.h5").write_bytes(content)
    with pytest.raises(InputError, match=r"^broken.h5 does not hold MobileNet's weights") as caught:
        application.load(tmp_path / "broken.h5", application="MobileNet")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["ResNet5", "resnet50", "__doc__"])
def test_an_unknown_application_is_an_error_that_names_those_there_are(tmp_path, name):
    with pytest.raises(InputError, match=rf"^application: received '{name}', expected one of .*ResNet50, "):
        application.load(tmp_path / "weights.h5", application=name)


def test_a_model_that_a_mirror_has_instead_of_weights_is_loaded_as_it_is(tmp_path):
    model = small_backbone.build()
    save_model(model, tmp_path / "mine.keras")
    loaded = application.load(tmp_path / "mine.keras", application="ResNet50")
    assert np.array_equal(eagerly(loaded, images(16)), eagerly(model, images(16)))
