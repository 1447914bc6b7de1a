"""Imports Keras without the alarming lines TensorFlow's C++ code prints before its logging can be set."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from stages.runtime.errors import InputError

INSTALLS = {  # backends that train -> what installs them
    "tensorflow": "`uv sync`",
    "jax": "`uv sync --extra jax`",
    "torch": "`uv sync --extra torch`",
}


def load() -> None:
    """Imports Keras and its backend quietly; a failed import shows all that was printed.

    Raises:
        InputError: KERAS_BACKEND names a backend that cannot train or is not installed.
    """
    backend = os.environ["KERAS_BACKEND"]
    if backend not in INSTALLS:
        raise InputError(f"KERAS_BACKEND is {backend!r}, expected one of {', '.join(INSTALLS)}; or unset it")
    try:
        with quiet():
            import keras  # noqa: F401  (others use it)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        raise InputError(
            f"KERAS_BACKEND is {backend!r}, but {missing} is not installed;"
            f" {INSTALLS[backend]} installs it, or set KERAS_BACKEND to another of {', '.join(INSTALLS)}"
        ) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Holds back what is written to file descriptor 2, and shows it if the block raises."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            os.dup2(kept, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
