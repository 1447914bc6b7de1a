"""export: an ONNX file that computes what Keras computes, or none."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from stages import export
from stages.classifiers import onnx_file, trained
from stages.runtime.errors import InputError
from tests import small_classifiers

pytestmark = pytest.mark.usefixtures("keras_configured")


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small_classifiers.write_project()
    return tmp_path


@pytest.mark.parametrize("variant", ["net", "head"])
def test_the_file_computes_what_the_variant_does_and_names_its_classes(project, capfd, variant):
    export.main(["out/net.onnx", "--variant", variant])
    images = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
    session = onnxruntime.InferenceSession("out/net.onnx")
    (found,) = session.run(None, {session.get_inputs()[0].name: images.astype(np.float32)})
    assert np.allclose(found, trained.load(variant).probabilities(images), atol=1e-5)
    properties = {entry.key: entry.value for entry in onnx.load("out/net.onnx").metadata_props}
    assert json.loads(properties["class_names"]) == small_classifiers.NAMES
    assert (properties["variant"], properties["resize"]) == (variant, "squash")
    assert capfd.readouterr().out.startswith(f"out/net.onnx: {variant}, probabilities as Keras'")


def test_a_file_that_computes_something_else_is_not_written(project, monkeypatch):
    original = onnx_file.probabilities
    monkeypatch.setattr(onnx_file, "probabilities", lambda *given: original(*given) + 0.01)
    with pytest.raises(
        InputError, match=r"other probabilities than Keras, by up to 0\.01, expected at most 0\.0001"
    ):
        export.main(["net.onnx", "--variant", "net"])
    assert not (project / "net.onnx").exists()
