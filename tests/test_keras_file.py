"""Backbones from .keras files: any Keras model, and one message for a file that is none."""

import io
import json
import random
import zipfile

import h5py
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.backbones import keras_file
from stages.demo import small_backbone
from stages.networks import views
from stages.runtime.errors import InputError
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")


def broken(path, kind):
    """Writes a file that is no Keras model."""
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_bytes(b"weights")
    elif kind == "truncated":
        save_model(small_backbone.build(), path)
        path.write_bytes(path.read_bytes()[:5000])
    elif kind == "damaged":
        save_model(small_backbone.build(), path)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(content)
    elif kind != "missing":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in kind.items():
                archive.writestr(name, content)


@pytest.mark.parametrize(
    "kind",
    [
        *("missing", "empty", "text", "truncated", "damaged"),
        *({"readme.txt": "hello"}, {"config.json": "{", "metadata.json": "{}"}),
    ],
    ids=str,
)
def test_a_file_that_is_no_model_is_an_error(tmp_path, kind):
    broken(tmp_path / "backbone.keras", kind)
    with pytest.raises(InputError, match=r"^backbone.keras is not a Keras model: ") as caught:
        keras_file.load(tmp_path / "backbone.keras")
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_holds_a_layer_alone_is_an_error(tmp_path):
    layer = keras.layers.Dense(3)
    layer.build((None, 3))
    keras.saving.save_model(layer, tmp_path / "layer.keras")
    with pytest.raises(InputError):
        keras_file.load(tmp_path / "layer.keras")


def test_a_model_that_holds_code_is_refused_and_the_code_not_run(tmp_path):
    inputs = keras.Input((None, None, 3))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x * 2)(inputs)).save(tmp_path / "lambda.keras")
    with pytest.raises(InputError, match=r"^lambda.keras is not a Keras model: .*[Ll]ambda"):
        keras_file.load(tmp_path / "lambda.keras")


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """The files inside a backbone's .keras file, by name; `load` writes such a file."""
    path = tmp_path_factory.mktemp("parts") / "whole.keras"
    save_model(small_backbone.build(), path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def load(tmp_path, parts):
    with zipfile.ZipFile(tmp_path / "backbone.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return keras_file.load(tmp_path / "backbone.keras")


def with_layer(parts, **change):
    """Changes the first convolution in the description of a model."""
    config = json.loads(parts["config.json"])
    next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Conv2D").update(change)
    return parts | {"config.json": json.dumps(config)}


def test_a_model_taken_apart_and_put_together_again_is_a_model(tmp_path, parts):
    assert load(tmp_path, parts).count_params() == small_backbone.build().count_params()
    assert load(tmp_path, with_layer(parts)).count_params() == small_backbone.build().count_params()


def test_a_model_that_holds_its_views_is_read_as_it_is_and_loaded_flat(tmp_path):
    looks = views.views(mirror=True)
    save_model(views.averaged(small_backbone.build(), looks), tmp_path / "views.keras")
    whole = keras_file.read(tmp_path / "views.keras")
    assert views.inner(whole).name == "small_backbone"
    assert not any(
        isinstance(layer, keras.Model) for layer in keras_file.load(tmp_path / "views.keras").layers
    )


@pytest.mark.parametrize(
    "change",
    [
        {"module": "os", "class_name": "system", "config": {"command": "touch PWNED"}},
        {"module": "builtins", "class_name": "eval", "config": "open('PWNED', 'w')"},
        {"module": "builtins", "class_name": "__lambda__", "config": {"value": ["4wAA", None, None]}},
        {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "file:///etc/passwd"}},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "PWNED"}},
        {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
        {"module": None, "class_name": "Mine", "registered_name": "mine>Mine"},
        # what Keras stumbles over
        {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": "a"}},  # no torch
        *({"class_name": 5}, {"name": 5}, {"inbound_nodes": [{}]}),
    ],
    ids=str,
)
def test_a_model_that_names_other_code_than_keras_layers_is_refused_and_nothing_ran(
    tmp_path, parts, change, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^backbone\.keras is not a Keras model: "):
        load(tmp_path, with_layer(parts, **change))
    assert not (tmp_path / "PWNED").exists()


# Keras' remark before its error; without that, the remark is all it says of layers it has no weights for.
warns_of_random_weights = pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")


def with_weights(parts, change):
    """Lets `change` alter the file of weights: it gets the file, and name and shape of its first array."""
    content, names = io.BytesIO(parts["model.weights.h5"]), []
    with h5py.File(content, "r+") as file:
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        shape = file[names[0]].shape
        del file[names[0]]
        change(file, names[0], shape)
    return parts | {"model.weights.h5": content.getvalue()}


@warns_of_random_weights
def test_weights_that_lie_in_another_file_are_refused(tmp_path, parts):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = np.ones(32, np.float32)
    (tmp_path / "secret").write_bytes(bytes(128))
    link, raw = h5py.ExternalLink(tmp_path / "secret.h5", "secret"), [(tmp_path / "secret", 0, 128)]
    for change in (
        lambda file, name, shape: file.__setitem__(name, link),
        lambda file, name, shape: file.create_dataset(name, shape, "f4", external=raw),
    ):
        with pytest.raises(InputError, match=r"^backbone\.keras is not a Keras model: "):
            load(tmp_path, with_weights(parts, change))


@warns_of_random_weights
def test_weights_of_terabytes_are_refused_before_memory_is_taken_for_them(tmp_path, parts):
    def bomb(file, name, shape):
        file.create_dataset(name, (1 << 20, 1 << 20), "f4", chunks=(1024, 1024), compression="gzip")

    with pytest.raises(InputError, match=r"^backbone\.keras is not a Keras model: "):
        load(tmp_path, with_weights(parts, bomb))


@warns_of_random_weights
@pytest.mark.parametrize("array", [np.zeros(7, np.float32), np.array([b"text"] * 32)], ids=["shape", "dtype"])
def test_weights_of_another_shape_or_kind_are_refused(tmp_path, parts, array):
    with pytest.raises(InputError, match=r"^backbone\.keras is not a Keras model: "):
        load(tmp_path, with_weights(parts, lambda file, name, shape: file.create_dataset(name, data=array)))


@warns_of_random_weights
@pytest.mark.parametrize("group", ["layers/conv2d", "layers/conv2d/vars/0", "layers"])
def test_a_model_that_lacks_weights_is_refused_rather_than_left_with_random_ones(tmp_path, parts, group):
    content = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        del file[group]
    with pytest.raises(InputError, match=r"^backbone\.keras is not a Keras model: "):
        load(tmp_path, parts | {"model.weights.h5": content.getvalue()})


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_a_model_without_one_of_its_parts_is_refused(tmp_path, parts, name):
    with pytest.raises(InputError, match=r"^backbone\.keras is not a Keras model: "):
        load(tmp_path, {part: content for part, content in parts.items() if part != name})


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "assets/vocabulary.txt", "config.json.bak"])
def test_a_model_with_a_file_that_no_backbone_needs_is_refused(tmp_path, parts, name):
    with pytest.raises(InputError, match=rf"is not a Keras model: it holds '{name}' of 4 bytes"):
        load(tmp_path, parts | {name: "evil"})


def test_a_model_whose_description_unpacks_to_gigabytes_is_refused_unread(tmp_path, parts):
    with zipfile.ZipFile(tmp_path / "backbone.keras", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in (parts | {"config.json": bytes(65 << 20)}).items():
            archive.writestr(name, content)
    with pytest.raises(InputError, match=r"it holds 'config\.json' of 68157440 bytes"):
        keras_file.load(tmp_path / "backbone.keras")


@pytest.mark.parametrize("config", ["[" * 100_000, "{}", "null", '{"module": 5}', "\\"])
def test_a_description_that_is_none_is_refused(tmp_path, parts, config):
    with pytest.raises(InputError, match=r"^backbone\.keras is not a Keras model: "):
        load(tmp_path, parts | {"config.json": config})


@warns_of_random_weights
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), name=st.sampled_from(["config.json", "model.weights.h5"]))
def test_a_model_changed_anywhere_is_refused_in_one_line_or_is_a_model(tmp_path, parts, seed, name):
    draw, content = random.Random(seed), bytearray(parts[name])
    for _ in range(draw.randrange(1, 4)):
        start = draw.randrange(min(len(content), 8000))  # behind come the bare numbers of weights
        content[start : start + 1] = draw.randbytes(draw.randrange(3))
    try:
        assert isinstance(load(tmp_path, parts | {name: bytes(content)}), keras.Model)
    except InputError as error:
        message = str(error)
    else:
        return
    assert len(message.splitlines()) == 1
    assert len(message) < 500
