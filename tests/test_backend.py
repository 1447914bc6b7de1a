"""What computes: its name, its precision, and a note where a GPU goes unused."""

import functools
import platform

import keras
import pytest

from stages.runtime.errors import InputError
from stages.training import backend

pytestmark = pytest.mark.usefixtures("keras_configured")


def test_the_device_has_a_name():
    kind, _, name = backend.device().partition(": ")
    assert kind in ("cpu", "gpu")
    assert name


@pytest.fixture
def unseen(tmp_path, monkeypatch):
    """A machine with an NVIDIA GPU that TensorFlow does not see."""
    if backend.device().startswith("gpu"):
        pytest.skip("the GPU is seen")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert backend.unseen_gpu(tmp_path) is None
    (tmp_path / "nvidia0").touch()
    monkeypatch.setattr(backend, "unseen_gpu", functools.partial(backend.unseen_gpu, tmp_path))


def test_a_gpu_that_the_backend_does_not_see_is_reported(unseen, capsys):
    assert "an NVIDIA GPU, but tensorflow does not see it" in backend.unseen_gpu()
    backend.configure(2)
    said = capsys.readouterr()
    assert "`uv run --extra gpu` brings CUDA" in said.err
    assert said.out.startswith("running on cpu: ")
    assert said.out.endswith(", 2 threads\n")


@pytest.mark.parametrize("value", ["", "-1"])
def test_a_gpu_that_is_hidden_on_purpose_is_not_reported(unseen, monkeypatch, value):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert backend.unseen_gpu() is None


def test_half_precision_on_a_cpu_is_one_message_and_changes_nothing():
    if backend.device().startswith("gpu"):
        pytest.skip("a GPU has half precision")
    with pytest.raises(InputError) as caught:
        backend.configure(2, "mixed_float16")
    assert str(caught.value).startswith(
        "precision is mixed_float16, which needs a GPU; this run is on the CPU"
    )
    assert keras.config.dtype_policy().name == "float32"


def test_a_precision_holds_for_layers_made_from_now_on():
    try:
        backend.configure(2, "mixed_bfloat16")
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
    finally:
        backend.configure(2)
    assert keras.layers.Dense(1).compute_dtype == "float32"


def test_what_changes_the_bits_is_on_record(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    environment = backend.environment(3)
    assert environment["settings"] == {"TF_ENABLE_ONEDNN_OPTS": "0"}
    assert environment["threads"] == 3
    assert environment["versions"]["python"] == platform.python_version()
    assert environment["backend"] == "tensorflow"
