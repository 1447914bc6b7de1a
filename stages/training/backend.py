"""The one place that speaks to the library below Keras: threads, determinism, devices, versions."""

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras

# Environment variables that change the last bits of results, where they are set.
SETTINGS = ("TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS", "NVIDIA_TF32_OVERRIDE")


def configure(threads: int) -> None:
    """Makes a run repeatable: fixed CPU threads and deterministic kernels; call before any computation.

    Another number of threads adds up in another order, so results differ in their last bits.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.config.experimental.enable_op_determinism()
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    elif keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(threads)
    print(f"computes on {device()}, {threads} threads", flush=True)
    if note := unseen_gpu():
        print(note, file=sys.stderr, flush=True)


def jit_compile() -> bool | str:
    """Returns Keras' `jit_compile`: off for TensorFlow, where XLA was 4 times slower on a CPU."""
    return False if keras.backend.backend() == "tensorflow" else "auto"


def device() -> str:
    """Returns what computes, "gpu: " or "cpu: " and its name: results differ in their last bits."""
    gpu = _gpu_name(keras.backend.backend())
    return f"gpu: {gpu}" if gpu else f"cpu: {_cpu_name()}"


def unseen_gpu(devices: Path = Path("/dev")) -> str | None:
    """Returns what to do where the machine has an NVIDIA GPU that the backend does not see.

    Args:
        devices: where the driver's device files are.
    """
    is_hidden = os.environ.get("CUDA_VISIBLE_DEVICES") == ""
    if is_hidden or device().startswith("gpu") or not any(devices.glob("nvidia[0-9]*")):
        return None
    return (
        f"there is an NVIDIA GPU, but {keras.backend.backend()} does not see it: computing on the CPU;"
        " `uv run --extra gpu` brings CUDA, CUDA_VISIBLE_DEVICES='' silences this"
    )


def _cpu_name() -> str:
    cpus = Path("/proc/cpuinfo")
    text = cpus.read_text(encoding="utf-8") if cpus.exists() else ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _gpu_name(library: str) -> str | None:
    if library == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        return tf.config.experimental.get_device_details(gpus[0])["device_name"] if gpus else None
    if library == "jax":
        import jax

        first = jax.devices()[0]
        return first.device_kind if first.platform != "cpu" else None
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def versions() -> dict[str, str]:
    """Returns the versions a result may depend on."""
    packages = ("keras", keras.backend.backend(), "numpy", "h5py")
    return {name: version(name) for name in packages} | {"python": platform.python_version()}


def environment(threads: int) -> dict[str, Any]:
    """Returns what ran, for a run's record: backend, device, threads, versions and settings."""
    return {
        "backend": keras.backend.backend(),
        "device": device(),
        "threads": threads,
        "versions": versions(),
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
    }
