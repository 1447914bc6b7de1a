"""Keras is imported quietly, from a backend that can train; test_environment.py imports it for real."""

import os
import sys

import pytest
from commands import ROOT, call

from stages.runtime import keras_import

LOADS = "from stages.runtime import errors, keras_import; errors.run(keras_import.load)"


@pytest.mark.parametrize("backend", ["theano", "numpy", "openvino"])
def test_a_backend_that_cannot_train_is_one_message(backend):
    done = call(ROOT, sys.executable, "-c", LOADS, KERAS_BACKEND=backend)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: KERAS_BACKEND is {backend!r}, expected one of tensorflow, jax, torch; or unset it\n"
    )


def test_a_backend_that_is_not_installed_is_one_message():
    hidden = f"import sys; sys.modules['torch'] = None\n{LOADS}"  # as if not installed, here and in CI
    done = call(ROOT, sys.executable, "-c", hidden, KERAS_BACKEND="torch")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: KERAS_BACKEND is 'torch', but torch is not installed; `uv sync --extra torch` installs it,"
        " or set KERAS_BACKEND to another of tensorflow, jax, torch\n"
    )


def test_lines_of_an_import_are_held_back(capfd):
    with keras_import.quiet():
        os.write(2, b"from C++\n")
        print("from Python", file=sys.__stderr__, flush=True)
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_lines_of_an_import_that_fails_are_shown(capfd):
    with pytest.raises(OSError, match="libcuda"), keras_import.quiet():  # noqa: PT012
        os.write(2, b"why it fails\n")
        raise OSError("libcuda is missing")
    assert capfd.readouterr().err == "why it fails\n"
