"""What computes: its name, its precision, and a note where a GPU goes unused."""

import platform

import keras
import pytest

from stages.runtime import gpu
from stages.runtime.errors import InputError
from stages.training import backend

pytestmark = pytest.mark.usefixtures("keras_configured")


def test_the_device_has_a_name():
    kind, _, name = backend.device().partition(": ")
    assert kind in ("cpu", "gpu")
    assert name


@pytest.mark.parametrize("hidden", [False, True])
def test_a_gpu_that_the_backend_does_not_see_is_noted_unless_it_is_hidden_on_purpose(
    tmp_path, monkeypatch, capsys, hidden
):
    if backend.device().startswith("gpu"):
        pytest.skip("the GPU is seen")
    (tmp_path / "nvidia0").touch()  # as the driver's device files are on a machine with a GPU
    monkeypatch.setattr(gpu.note, "__defaults__", (tmp_path,))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    backend.configure(2)
    said = capsys.readouterr()
    assert said.out.startswith("running on cpu: ")
    assert said.out.endswith(", 2 threads\n")
    assert ("an NVIDIA GPU, but tensorflow does not see it" in said.err) == (not hidden)


def test_half_precision_on_a_cpu_is_one_message_and_changes_nothing():
    if backend.device().startswith("gpu"):
        pytest.skip("a GPU has half precision")
    with pytest.raises(InputError) as caught:
        backend.configure(2, "mixed_float16")
    assert str(caught.value).startswith(
        "precision is mixed_float16, which needs a GPU; this run is on the CPU"
    )
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(("threads", "said"), [(1, "1 thread\n"), (2, "2 threads\n")])
def test_the_number_of_threads_is_said(monkeypatch, capsys, threads, said):
    import tensorflow as tf

    for kind in ("intra", "inter"):  # which are fixed once this process has computed something
        monkeypatch.setattr(tf.config.threading, f"set_{kind}_op_parallelism_threads", lambda _: None)
    backend.configure(threads)
    assert capsys.readouterr().out.endswith(f", {said}")


def test_what_changes_the_bits_is_on_record(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    environment = backend.environment(3)
    assert environment["settings"] == {"TF_ENABLE_ONEDNN_OPTS": "0"}
    assert environment["threads"] == 3
    assert environment["versions"]["python"] == platform.python_version()
    assert environment["backend"] == "tensorflow"
