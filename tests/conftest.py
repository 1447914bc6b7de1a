"""What several tests share: Keras set up once, a dataset of forty tiny pictures, a variant to train on it."""

import copy
import hashlib
import json

import numpy as np
import pytest

THREADS = 2  # of every variant in the tests: TensorFlow takes one number for a whole process


@pytest.fixture(scope="session")
def keras_configured():
    """Sets TensorFlow's threads before its first computation; only tests of networks ask for it."""
    from stages.training import backend

    backend.configure(THREADS)


@pytest.fixture
def prepared(tmp_path):
    """A folder as `prepare` makes it: 24 train, 8 validation and 8 test pictures of 3 classes, 16x16."""
    folder = tmp_path / "prepared"
    folder.mkdir()
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.arange(40) % 3)
    images = rng.integers(0, 200, (40, 16, 16, 3)) + 25 * labels[:, None, None, None]
    np.save(folder / "images.npy", images.astype(np.uint8))
    np.save(folder / "labels.npy", labels.astype(np.int64))
    np.save(folder / "split.npy", np.resize([0, 0, 1, 0, 2], 40).astype(np.uint8))
    (folder / "class_names.json").write_text(json.dumps(["ant", "bee", "cow"]))
    source = {"kind": "official", "sha256": "0" * 64}
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.npy")}
    manifest = {"dataset": "cifar100", "sources": {"archive.tgz": source}, "sha256": hashes}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def tiny_examples(prepared):
    """The dataset of `prepared`, opened."""
    from stages.training import examples

    return examples.load(prepared)


@pytest.fixture(scope="session")
def tiny_variant():
    """A function that returns a resolved variant, of a network with every kind of layer, with changes."""
    variant = {
        "name": "tiny",
        "code": "2" * 64,
        "seed": 0,
        "threads": THREADS,
        "epochs": 3,
        "batch_size": 10,
        "optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.001}},
        "architecture": "deeper_net",
        "normalisation": "featurewise",
        "flip": True,
        "zoom": 0.2,
        "filters": [2, 3],
        "dense_units": [6],
        "block_dropout": [0.5],
        "dense_dropout": [0.25],
        "batch_norm": "before",
    }
    return lambda **changes: copy.deepcopy(variant) | changes
