"""What computes: its name, and a note where a GPU goes unused."""

import functools
import platform

import pytest

from stages.training import backend

pytestmark = pytest.mark.usefixtures("keras_configured")


def test_the_device_has_a_name():
    kind, _, name = backend.device().partition(": ")
    assert kind in ("cpu", "gpu")
    assert name


def test_a_gpu_that_the_backend_does_not_see_is_told(tmp_path, monkeypatch, capsys):
    if backend.device().startswith("gpu"):
        pytest.skip("the GPU is seen")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert backend.unseen_gpu(tmp_path) is None
    (tmp_path / "nvidia0").touch()
    assert "an NVIDIA GPU, but tensorflow does not see it" in backend.unseen_gpu(tmp_path)
    monkeypatch.setattr(backend, "unseen_gpu", functools.partial(backend.unseen_gpu, tmp_path))
    backend.configure(2)
    assert "`uv run --extra gpu` brings CUDA" in capsys.readouterr().err
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # hidden on purpose
    assert backend.unseen_gpu() is None


def test_what_changes_the_bits_is_on_record(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    environment = backend.environment(3)
    assert environment["settings"] == {"TF_ENABLE_ONEDNN_OPTS": "0"}
    assert environment["threads"] == 3
    assert environment["versions"]["python"] == platform.python_version()
    assert environment["backend"] == "tensorflow"
