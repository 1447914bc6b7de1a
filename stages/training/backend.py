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
    """Returns what computes: "cpu", or "gpu" with its name where TensorFlow tells it."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if not gpus:
            return "cpu"
        return f"gpu: {tf.config.experimental.get_device_details(gpus[0]).get('device_name', 'unnamed')}"
    devices = keras.distribution.list_devices()
    return devices[0].split(":")[0] if devices else "cpu"


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
