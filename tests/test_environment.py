"""Settings that other tools leave behind neither change a result unnoticed nor stop a stage."""

import json
import os
import sys

from commands import ROOT, call

from stages.runtime import environment

NOTEBOOK = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
# What a training would compute with: number type, channel order, epsilon, weights and limits.
COMPUTES = """
import stages
from stages.runtime import keras_import
keras_import.load()
import keras, numpy as np
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Conv2D(2, 3), keras.layers.Flatten()])
model.compile("sgd", "mse")
x = np.linspace(0, 1, 4 * 108, dtype="float32").reshape(4, 6, 6, 3)
model.fit(x, x.reshape(4, -1)[:, :32], epochs=3, batch_size=2, verbose=0)
config = (keras.config.backend(), keras.config.epsilon(), keras.config.image_data_format())
print(*config, model.optimizer.iterations.numpy(), model.predict(x, verbose=0).tobytes().hex()[:400])
"""


def test_a_hostile_keras_home_notebook_and_limits_change_no_byte(tmp_path):
    plain = call(ROOT, sys.executable, "-c", COMPUTES)
    assert (plain.returncode, plain.stderr) == (0, "")
    assert plain.stdout.startswith("tensorflow 1e-07 channels_last 6 ")
    settings = {"floatx": "float64", "epsilon": 1e-3, "image_data_format": "channels_first"}
    settings["backend"] = "theano"  # of Keras 2
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    hostile = NOTEBOOK | {"KERAS_HOME": str(tmp_path), "KERAS_MAX_EPOCHS": "1", "KERAS_BACKEND": ""}
    done = call(ROOT, sys.executable, "-c", COMPUTES, KERAS_MAX_STEPS_PER_EPOCH="1", **hostile)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", plain.stdout)


def test_figures_are_drawn_without_a_window_in_the_environment_of_a_notebook():
    draws = "import stages, matplotlib.pyplot as plt; print(plt.get_backend())"
    done = call(ROOT, sys.executable, "-c", draws, **NOTEBOOK)
    assert (done.stdout, done.stderr) == ("agg\n", "")


def test_onednn_is_on_whatever_the_processor_unless_somebody_turns_it_off(monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    environment.settle()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "1"
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    environment.settle()
    assert environment.recorded()["TF_ENABLE_ONEDNN_OPTS"] == "0"


def test_variables_that_change_results_are_recorded_and_others_are_not(monkeypatch):
    for name in environment.RECORDED:
        monkeypatch.delenv(name, raising=False)
    assert environment.recorded() == {}
    for name in ("TF_XLA_FLAGS", "ONEDNN_MAX_CPU_ISA", "XLA_FLAGS", "EDITOR"):
        monkeypatch.setenv(name, "value")
    assert sorted(environment.recorded()) == ["ONEDNN_MAX_CPU_ISA", "TF_XLA_FLAGS", "XLA_FLAGS"]
