"""Settings that other tools leave in the environment, fixed or recorded before anything else is imported.

A notebook sets MPLBACKEND, a user's ~/.keras/keras.json changes number type and channel order, Keras can cut
epochs and steps short, XLA and oneDNN read variables that change results.
"""

import os
import sys

# Python starts slowly enough that `dvc repro` may die meanwhile: remembered as early as possible.
PARENT = os.getppid()

# The user's, before `settle`: where keras.applications keeps the weights that it has downloaded.
KERAS_HOME = os.environ.get("KERAS_HOME", "")

KIB = 1 if sys.platform == "darwin" else 1024  # unit of the system's ru_maxrss

# Keras' own limits and switches, which would change a training unnoticed.
DROPPED = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED")

# Variables that change results and may have been set on purpose; each run records them.
RECORDED = (
    *("DNNL_DEFAULT_FPMATH_MODE", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "ONEDNN_MAX_CPU_ISA"),
    *("TF_ENABLE_ONEDNN_OPTS", "TF_SET_ONEDNN_FPMATH_MODE", "TF_XLA_FLAGS", "XLA_FLAGS"),
    *("JAX_DEFAULT_MATMUL_PRECISION", "JAX_ENABLE_X64", "NVIDIA_TF32_OVERRIDE"),
    *("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "TF_CUDNN_USE_AUTOTUNE", "NPY_DISABLE_CPU_FEATURES"),
)


def settle() -> None:
    """Makes results independent of a user's other settings: no window, no ~/.keras/keras.json, quiet logs."""
    os.environ["MPLBACKEND"] = "agg"
    os.environ["KERAS_HOME"] = os.devnull  # holds no keras.json; KERAS_BACKEND may still choose the backend
    os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # or sums of SciPy and NumPy depend on the number of cores
    # TensorFlow turns oneDNN on only on processors it knows; with just AVX2 it made BaseNet twice as fast
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    for name in DROPPED:
        os.environ.pop(name, None)


def recorded() -> dict[str, str]:
    """Returns the variables that are set and change results, for the record of a run."""
    return {name: os.environ[name] for name in RECORDED if name in os.environ}


settle()
