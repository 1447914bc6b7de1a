"""Which pretrained network a user means, and how to get its weights."""

import os
import subprocess
import sys

import pytest

from stages.projects import backbone_files
from stages.runtime import environment
from stages.runtime.errors import InputError
from stages.runtime.modules import ROOT

FILES = {  # as keras.applications names what it downloads
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5": "ResNet50",
    "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5": "ResNet50V2",
    "mobilenet_1_0_224_tf_no_top.h5": "MobileNet",
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5": "MobileNetV2",
    "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5": "MobileNetV3Small",
    "efficientnetb0_notop.h5": "EfficientNetB0",
    "efficientnetv2-b0_notop.h5": "EfficientNetV2B0",
    "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5": "InceptionResNetV2",
    "nasnet_mobile_no_top.h5": "NASNetMobile",
    "convnext_tiny_notop.h5": "ConvNeXtTiny",
}


@pytest.fixture
def downloaded(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras/models").mkdir(parents=True)
    for name in FILES:
        (tmp_path / "keras/models" / name).write_bytes(b"")
    return tmp_path / "keras/models"


@pytest.mark.parametrize(("name", "application"), FILES.items())
def test_a_file_of_weights_and_the_name_of_its_network_mean_the_same(downloaded, name, application):
    expected = backbone_files.BackboneFile(downloaded / name, application)
    assert backbone_files.find(str(downloaded / name)) == expected
    assert backbone_files.find(application) == backbone_files.find(application.lower()) == expected


@pytest.mark.parametrize("variable", ["KERAS_HOME", "HOME"])
def test_weights_are_where_keras_puts_them_for_the_user(tmp_path, variable):
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    folder = tmp_path / (".keras/models" if variable == "HOME" else "models")
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"")
    others = {key: value for key, value in os.environ.items() if key != "KERAS_HOME"}
    source = "from stages.projects.backbone_files import find; print(find('MobileNetV2').path)"
    command, there = [sys.executable, "-c", source], {variable: str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=others | there, capture_output=True, text=True)
    assert done.stdout == f"{folder / name}\n", done.stderr


def test_a_keras_file_is_a_whole_model(tmp_path):
    (tmp_path / "mine.keras").write_bytes(b"")
    found = backbone_files.find(str(tmp_path / "mine.keras"))
    assert found.application is None
    assert "{format: keras_file, from: mine.keras}" in found.entry("photos")


def test_weights_that_are_not_there_are_named_with_the_line_that_gets_them(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "KERAS_HOME", str(tmp_path))
    with pytest.raises(InputError) as caught:
        backbone_files.find("VGG16")
    assert str(caught.value) == (
        f"{tmp_path}/models does not hold VGG16's weights; get them once:"
        ' python -c "import keras; keras.applications.VGG16(include_top=False)"'
    )


@pytest.mark.parametrize("name", ["vgg16_weights_tf_dim_ordering_tf_kernels.h5", "mine.h5", "mine"])
def test_another_file_or_name_is_refused(tmp_path, name):
    if name != "mine":
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(
        InputError, match=r"neither a \.keras file nor named like weights|expected a file, or"
    ):
        backbone_files.find(str(tmp_path / name))
