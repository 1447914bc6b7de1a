"""The one place that speaks to the library below Keras: threads, determinism, devices, versions."""

import platform
from importlib.metadata import version
from typing import Any

import keras


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


def jit_compile() -> bool | str:
    """Returns Keras' `jit_compile`: off for TensorFlow, where XLA was 4 times slower on a CPU."""
    return False if keras.backend.backend() == "tensorflow" else "auto"


def device() -> str:
    """Returns what computes: "cpu", or "gpu: " and its name."""
    gpu = _gpu_name(keras.backend.backend())
    return f"gpu: {gpu}" if gpu else "cpu"


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
    """Returns what ran, for a run's record: backend, device, threads and versions."""
    return {
        "backend": keras.backend.backend(),
        "device": device(),
        "threads": threads,
        "versions": versions(),
    }
