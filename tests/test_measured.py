"""What a user gets is what was measured: predict and export give what predictions.npz says of test images."""

import json
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest
from PIL import Image

from benchmarks import studies
from stages import cache_features, export, predict, train, train_head
from stages.demo import small_backbone
from stages.runtime import resolved
from stages.runtime.atomic import write_json
from stages.runtime.hashes import file_hash
from stages.training.saving import save_model

pytestmark = pytest.mark.usefixtures("keras_configured")

FEATURES = {  # knobs that make a difference between cached features and an image that somebody classifies
    "pooled": {
        **{"layers": ["conv3_relu", "conv4_relu"], "pooling": ["average", {"gem": 3.0}]},
        **{"views": {"mirror": True}, "maps": False},
    },
    "maps": {"layers": ["conv3_relu"], "pooling": [], "views": {"mirror": True}},
}
HEADS = {
    "pooled": {
        **{"network": {"dense_head": {"dense_units": []}}},
        **{"feature_steps": ["square_root", "l2_norm", "standardise"]},
    },
    "maps": {"network": {"conv_head": {"filters": [4], "dense_units": [], "pooling": "average"}}},
}
IMAGES = {
    "views": {"seeds": 2, "views": {"shift": 3}},
    "mixed": {"precision": "mixed_bfloat16", "views": {"mirror": True}},
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A dataset `pets`, its test images as files, in their order."""
    monkeypatch.chdir(tmp_path)
    studies.write_dataset(Path("data/pets"))
    split, images = np.load("data/pets/split.npy"), np.load("data/pets/images.npy")
    Path("test").mkdir()
    for number, image in enumerate(images[split == 2]):
        Image.fromarray(image).save(f"test/{number:03}.png")
    yield tmp_path
    keras.config.set_dtype_policy("float32")  # commands run in this process, and one sets another


def make_features(**knobs):
    """Writes the features of `pets` by the demo's backbone, as the stages do."""
    for folder in ("data/images/pets", "data/backbones/b"):
        Path(folder).mkdir(parents=True, exist_ok=True)
    images, backbone = Path("data/images/pets/16.npy"), Path("data/backbones/b/backbone.keras")
    images.write_bytes(Path("data/pets/images.npy").read_bytes())
    save_model(small_backbone.build(), backbone)
    for path in (images, backbone):
        write_json(path.with_name("manifest.json"), {"sha256": {path.name: file_hash(path)}})
    resolved.write(Path("f.json"), "cache_features", {"threads": 2, "batch_size": 8, **knobs})
    cache_features.main(["f.json", str(images), str(backbone), "data/features/pets"])


def measured(name):
    """Returns the test probabilities of each seed, as they were saved."""
    folders = sorted(Path("models", name).glob("seed-*"))
    return [np.load(folder / "predictions.npz")["test_probabilities"] for folder in folders]


def predicted(capsys, *options):
    capsys.readouterr()
    predict.main(["test", "--json", "--top", "3", *options])
    names = ["ant", "bee", "cow"]
    rows = []
    for line in capsys.readouterr().out.splitlines():
        shares = {one["class"]: one["probability"] for one in json.loads(line)["predictions"]}
        rows.append([shares[name] for name in names])
    return np.array(rows)


def exported(*options):
    export.main(["net.onnx", *options])
    session = onnxruntime.InferenceSession("net.onnx")
    images = np.load("data/pets/images.npy")[np.load("data/pets/split.npy") == 2].astype(np.float32)
    return session.run(None, {session.get_inputs()[0].name: images})[0]


@pytest.mark.parametrize("kind", IMAGES)
def test_of_a_network(project, capsys, kind):
    studies.write_resolved(Path("net.json"), **studies.PLAIN, epochs=1, **IMAGES[kind])
    train.main(["net.json", "data/pets", "models/net"])
    first, *_ = seeds = measured("net")
    tolerance = 2e-2 if kind == "mixed" else 1e-5  # bfloat16 has three digits
    assert np.allclose(predicted(capsys), first, atol=1e-2 if kind == "mixed" else 1e-5)
    assert np.allclose(exported(), first, atol=tolerance)
    assert np.allclose(predicted(capsys, "--ensemble"), np.mean(seeds, axis=0), atol=tolerance)
    assert np.allclose(exported("--ensemble"), np.mean(seeds, axis=0), atol=tolerance)
    assert np.ptp(first, axis=0).max() > 0.01  # the images tell apart, so that this can fail


@pytest.mark.parametrize(("kind", "end_to_end"), [("pooled", False), ("pooled", True), ("maps", False)])
def test_of_a_head(project, capsys, kind, end_to_end):
    make_features(**FEATURES[kind])
    knobs = {"augmentation": None, "normalisation": None, "epochs": 2, "seeds": 2, "end_to_end": end_to_end}
    studies.write_resolved(Path("head.json"), "train_head", **knobs, **HEADS[kind])
    train_head.main(["head.json", "data/pets", "data/features/pets", "models/head"])
    first, *_ = seeds = measured("head")
    tolerance = 2e-3 if kind == "maps" else 1e-5  # cached maps are of half precision
    assert np.allclose(predicted(capsys), first, atol=tolerance)
    assert np.allclose(predicted(capsys, "--ensemble"), np.mean(seeds, axis=0), atol=tolerance)
    assert np.allclose(exported(), first, atol=tolerance)
    assert np.ptp(first, axis=0).max() > 0.01
