"""GPUs: which values hide them, and the note where one idles."""

import pytest

from stages.runtime import gpu


@pytest.mark.parametrize("value", ["", "-1", "none", "None", "NoDevFiles", "no", " ", "-1,0", "void,0"])
def test_values_that_hide_all_gpus(monkeypatch, value):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert gpu.hidden()


@pytest.mark.parametrize("value", ["0", "1,0", "GPU-8932f937", "MIG-GPU-8932f937/1/2", "0,-1", " 0"])
def test_values_that_leave_one(monkeypatch, value):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert not gpu.hidden()


def test_a_gpu_that_the_backend_does_not_see_is_noted_once_it_is_there_and_not_hidden(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert not gpu.hidden()
    assert gpu.note("tensorflow", "cpu: Intel", tmp_path) is None
    (tmp_path / "nvidiactl").touch()
    assert gpu.note("tensorflow", "cpu: Intel", tmp_path) is None
    (tmp_path / "nvidia0").touch()
    said = gpu.note("tensorflow", "cpu: Intel", tmp_path)
    assert said.startswith("there is an NVIDIA GPU, but tensorflow does not see it: running on the CPU;")
    offered = [
        "--extra gpu" in gpu.note(library, "cpu: Intel", tmp_path) for library in ("tensorflow", "jax")
    ]
    assert offered == [True, False], "the extra brings CUDA for TensorFlow only"
    assert gpu.note("tensorflow", "gpu: A100", tmp_path) is None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "NoDevFiles")
    assert gpu.note("tensorflow", "cpu: Intel", tmp_path) is None
