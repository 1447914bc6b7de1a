"""What is set in the library below Keras: threads, determinism, precision, device, versions."""

import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras

from stages.runtime import environment as variables
from stages.runtime import gpu
from stages.runtime.errors import InputError
from stages.runtime.keras_import import quiet


def configure(threads: int, precision: str = "float32") -> None:
    """Makes a run repeatable: fixed CPU threads and, with TensorFlow, deterministic kernels.

    Call it before any computation.

    Args:
        threads: CPU threads; another number adds up in another order, so results differ in their last bits.
        precision: Keras' policy for layers made from now on.

    Raises:
        InputError: the device cannot compute in this precision.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.config.experimental.enable_op_determinism()
        tf.get_logger().setLevel("ERROR")  # it would warn that each of several seeds has a graph
        for found in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(found, True)
    elif keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(threads)
    with quiet():  # TensorFlow's first operation prints, too
        keras.ops.convert_to_numpy(keras.ops.zeros(1))
    _set_precision(precision)
    print(f"running on {device()}, {threads} thread{'s' if threads > 1 else ''}", flush=True)
    if note := gpu.note(keras.backend.backend(), device()):
        print(note, file=sys.stderr, flush=True)


def _set_precision(precision: str) -> None:
    if precision == "mixed_float16" and not device().startswith("gpu"):
        raise InputError(
            "precision is mixed_float16, which needs a GPU; this run is on the CPU:"
            " use float32, or mixed_bfloat16 where the CPU computes it fast"
        )
    keras.config.set_dtype_policy(precision)


def jit_compile() -> bool | str:
    """Returns Keras' `jit_compile`: off for TensorFlow, where XLA was 4 times slower on a CPU."""
    return False if keras.backend.backend() == "tensorflow" else "auto"


def device() -> str:
    """Returns the device, "gpu: " or "cpu: " and its name, on which the last bits of results depend."""
    name = _gpu_name(keras.backend.backend())
    return f"gpu: {name}" if name else f"cpu: {_cpu_name()}"


def environment(threads: int) -> dict[str, Any]:
    """Returns what ran, for a run's record: backend, device, threads, versions and settings."""
    packages = ("keras", keras.backend.backend(), "numpy", "h5py")
    return {
        "backend": keras.backend.backend(),
        "device": device(),
        "threads": threads,
        "versions": {name: version(name) for name in packages} | {"python": platform.python_version()},
        "settings": variables.recorded(),
    }


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
