"""Two trainings of one variant leave the same bytes, whatever kind it is."""

import pytest

from benchmarks import processes
from benchmarks.studies import NOISY, THREADS, hashes, write_dataset, write_json, write_resolved
from stages.runtime import resolved

ALL = [["flip", True], ["zoom", 0.2], ["crop", 2], ["cutout", 4], ["cutmix", 0.5], ["mixup", 0.2]]
OTHERS = [["alternating_flip", True], ["random_resized_crop", 0.3]]
HEAD = {"augmentation": None, "normalisation": None}
DENSE = {"dense_units": [6], "dense_dropout": [0.25]}
CONV = DENSE | {"filters": [4], "block_dropout": [0.5], "batch_norm": "after", "pooling": "flatten"}
SCRATCH = {
    "base_net": {
        "network": {"base_net": {"filters": [4, 6], "dense_units": [8]}},
        "augmentation": ALL,
        "optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.01, "momentum": 0.9}},
        **{"label_smoothing": 0.1, "schedule": "cosine", "warmup": 0.1, "ema": 0.9},
        **{"rate_multipliers": {"block1": 0.5}, "class_weights": "balanced", "views": {"mirror": True}},
    },
    "deeper_net": {
        "network": {"deeper_net": NOISY | {"batch_norm": "after"}},
        "optimizer": {"class_name": "RMSprop", "config": {"learning_rate": 0.001}},
        **{"augmentation": OTHERS, "patience": 1, "restore_best": True},
    },
    "residual_net": {
        "network": {"residual_net": {"filters": [4, 8], "block_dropout": [0.0, 0.2]}},
        "optimizer": {"class_name": "Adadelta", "config": {"learning_rate": 0.01}},
        "loss": "squared_error",
    },
}
OF_SGD = ("epochs", "batch_size", "optimizer")
HEADS = {
    "conv_head": HEAD | {"network": {"conv_head": CONV}},
    "frozen": HEAD | {"network": {"dense_head": DENSE}, "end_to_end": True},
    "convex": HEAD
    | dict.fromkeys(OF_SGD)
    | {"network": {"dense_head": {"dense_units": []}}, "trainer": "convex", "penalties": [0.1, 0.01]}
    | {"feature_steps": ["square_root", "standardise"]},
}
FINE_TUNE = HEAD | {"network": None, "unfreeze": "conv5", "epochs": 1}
FEATURES = {"threads": THREADS, "batch_size": 8, "pooling": ["average", "max"], "views": {"mirror": True}}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder with data, a backbone and the features of both."""
    folder = tmp_path_factory.mktemp("repeatability")
    write_dataset(folder / "data", n=60, size=24)
    processes.call("benchmarks.backbone", ("backbone/backbone.keras",), folder, folder / "log")
    write_json(folder / "backbone/manifest.json", {"sha256": hashes(folder / "backbone")})
    resolved.write(folder / "features.json", "cache_features", FEATURES)
    extract(folder, "features")
    return folder


def extract(folder, name):
    arguments = ("features.json", "data/images.npy", "backbone/backbone.keras", name)
    processes.call("stages.cache_features", arguments, folder, folder / "log")
    (folder / f".checkpoints/features/{name}/done.json").unlink()
    return hashes(folder / name)


def trained(folder, stage, name, changes, *arguments, out="models"):
    write_resolved(folder / f"{name}.json", stage, name=name, **changes)
    log = folder / "log"
    processes.call(f"stages.{stage}", (f"{name}.json", "data", *arguments, f"{out}/{name}"), folder, log)
    return hashes(folder / out / name / "seed-0")


def twice(*arguments):
    first, second = trained(*arguments), trained(*arguments, out="again")
    assert sorted(first) == ["history.csv", "model.keras", "predictions.npz", "run.json"]
    assert first == second


def test_features_are_the_same_bytes(study):
    first = hashes(study / "features")
    assert sorted(first) == ["manifest.json", "maps.npy", "pooled.npy"]
    assert extract(study, "again") == first


@pytest.mark.parametrize("name", SCRATCH)
def test_a_network_from_scratch_is_the_same_bytes(study, name):
    twice(study, "train", name, SCRATCH[name])


@pytest.mark.parametrize("name", HEADS)
def test_a_head_is_the_same_bytes(study, name):
    twice(study, "train_head", name, HEADS[name], "features")


def test_a_fine_tuned_network_is_the_same_bytes(study):
    trained(study, "train_head", "frozen", HEADS["frozen"], "features")
    twice(study, "fine_tune", "conv5", FINE_TUNE, "models/frozen")
