"""Views of images: what they show, and models that average over them and stay plain Keras ones."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from stages.demo import small_backbone
from stages.networks import views
from stages.runtime.errors import InputError
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 6, 6, 3)).astype(np.float32)


def classifier(size=6, name="tiny"):
    x = inputs = keras.Input((size, size, 3), name="image")
    x = keras.layers.Rescaling(1 / 255, name="pixels")(x)
    x = keras.layers.Conv2D(4, 3, name="conv", kernel_initializer=keras.initializers.GlorotUniform(0))(x)
    x = keras.layers.GlobalMaxPooling2D(name="pool")(x)
    x = keras.layers.Dense(3, name="head_logits", kernel_initializer=keras.initializers.GlorotUniform(1))(x)
    outputs = keras.layers.Activation("softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(inputs, outputs, name=name)


def eagerly(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def by_hand(images):
    """All ten views for a shift of 2, by NumPy."""
    shown = []
    for like in (images, images[:, :, ::-1]):
        wide = np.pad(like, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
        shown += [wide[:, 2 - down :, 2 - right :][:, :6, :6] for down, right in PLACES]
    return shown


PLACES = [(0, 0), (2, 0), (-2, 0), (0, 2), (0, -2)]


def test_views_are_the_image_then_its_shifts_then_all_mirrored():
    assert views.views() == [views.PLAIN]
    assert views.views(mirror=True) == [(False, 0, 0), (True, 0, 0)]
    assert views.views(shift=2) == [(False, *place) for place in PLACES]
    assert views.views(mirror=True, shift=2)[5:] == [(True, *place) for place in PLACES]


def test_a_row_is_mirrored_and_then_shifted_with_its_border_reflected():
    row = np.array([1.0, 2.0, 3.0, 4.0], np.float32).reshape(1, 1, 4, 1)
    column = row.reshape(1, 4, 1, 1)
    seen = {view: np.ravel(views.seen(row, view)).tolist() for view in ((False, 0, 1), (False, 0, -2))}
    assert seen == {(False, 0, 1): [2, 1, 2, 3], (False, 0, -2): [3, 4, 3, 2]}
    assert np.ravel(views.seen(row, (True, 0, 1))).tolist() == [3, 4, 3, 2]
    assert np.ravel(views.seen(column, (False, 2, 0))).tolist() == [3, 2, 1, 2]


def test_the_averaged_model_gives_the_mean_over_views_made_by_hand():
    model = classifier()
    expected = np.mean([eagerly(model, image) for image in by_hand(IMAGES)], axis=0)
    whole = views.averaged(model, views.views(mirror=True, shift=2))
    assert np.allclose(eagerly(whole, IMAGES), expected, atol=1e-6)
    assert np.abs(expected - eagerly(model, IMAGES)).max() > 1e-3  # views matter, so this can fail
    assert (whole.name, whole.count_params()) == ("views_of_tiny", model.count_params())


def test_what_was_averaged_is_found_again_and_one_view_changes_nothing():
    model = classifier()
    assert views.averaged(model, [views.PLAIN]) is model
    assert views.inner(model) is model
    assert views.inner(views.averaged(model, views.views(mirror=True))) is model


LOAD = """
import sys
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1], safe_mode=True)
assert not any(name.startswith("stages") for name in sys.modules)
np.save(sys.argv[3], model.predict_on_batch(np.load(sys.argv[2])))
"""


def test_a_saved_one_is_loaded_by_keras_alone_and_has_the_same_bytes_each_time(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")  # so that nothing is rounded that float32 would keep
    try:
        models = [views.averaged(classifier(), views.views(mirror=True, shift=2)) for _ in range(2)]
    finally:
        keras.config.set_dtype_policy("float32")
    expected = np.mean([eagerly(views.inner(models[0]), image) for image in by_hand(IMAGES)], axis=0)
    assert np.allclose(eagerly(models[0], IMAGES), expected, atol=1e-6)
    for name, model in zip("ab", models, strict=True):
        save_model(model, tmp_path / f"{name}.keras")
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    np.save(tmp_path / "x.npy", IMAGES)
    paths = [str(tmp_path / name) for name in ("a.keras", "x.npy", "y.npy")]
    subprocess.run([sys.executable, "-c", LOAD, *paths], cwd=tmp_path, check=True, capture_output=True)
    assert np.allclose(np.load(tmp_path / "y.npy"), eagerly(models[0], IMAGES), atol=1e-6)


def test_a_network_for_images_of_any_size_stays_one(tmp_path):
    backbone = small_backbone.build()
    x = keras.layers.GlobalAveragePooling2D(name="pooled")(backbone.outputs[0])
    model = keras.Model(backbone.inputs[0], keras.layers.Softmax(dtype="float32", name="p")(x), name="open")
    whole = views.averaged(model, views.views(mirror=True, shift=2))
    assert whole.inputs[0].shape == (None, None, None, 3)
    for size in (16, 24):
        images = np.random.default_rng(1).uniform(0, 255, (2, size, size, 3)).astype(np.float32)
        shown = [views.seen(images, view) for view in views.views(mirror=True, shift=2)]
        expected = np.mean([eagerly(model, image) for image in shown], axis=0)
        assert np.allclose(eagerly(whole, images), expected, atol=1e-6)
    save_model(whole, tmp_path / "open.keras")
    assert keras.saving.load_model(tmp_path / "open.keras").inputs[0].shape == (None, None, None, 3)


def test_a_shift_as_large_as_the_image_is_refused():
    views.averaged(classifier(), views.views(shift=5))
    with pytest.raises(InputError, match=r"^views: received a shift of 6 pixels on images of 6 x 6, "):
        views.averaged(classifier(), views.views(shift=6))
