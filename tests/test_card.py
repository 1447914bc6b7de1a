"""The card of a trained model: right facts, and lines of Python that work."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from stages.training import card

RECORD = {
    **{"name": "final", "epochs": 60, "dataset": "cifar100", "classes": 2, "seed": 0},
    "parameters": {"total": 1234567, "trainable": 1000},
}
TEST = (np.array([[0.25, 0.75], [0.5, 0.5]], np.float32), np.array([1, 1]))


def of(*shape):
    return card.text(SimpleNamespace(inputs=[SimpleNamespace(shape=(None, *shape))]), RECORD, TEST)


def test_it_says_what_the_model_takes_and_how_good_it_is():
    text = of(32, 32, 3)
    assert "| takes | RGB images in [0, 255], float32[n, 32, 32, 3] |" in text
    assert "1,234,567 weights, of which\n1,000 were trained." in text
    assert f"| on 2 test images | loss {-np.log(0.75 * 0.5) / 2:.4f}, accuracy 0.5000 |" in text


@pytest.mark.parametrize("shape", [(2048,), (7, 7, 2048)])
def test_a_head_takes_features(shape):
    assert f"features, float32[n, {', '.join(map(str, shape))}] |" in of(*shape)


def test_its_python_loads_the_model_and_its_classes(tmp_path, keras_configured):
    import keras

    from stages.training.saving import save_model

    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    save_model(model, tmp_path / "model.keras", {"class_names": ["ant", "bee"]})
    code = card.text(model, RECORD, TEST).split("```")[1].removeprefix("python\n")
    code += "print(class_names, model.count_params())"
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout == "['ant', 'bee'] 98\n", done.stderr
