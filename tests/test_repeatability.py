"""Two trainings of one variant leave the same bytes, whatever kind it is; another thread count may not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import processes
from benchmarks.studies import hashes, variant, write_dataset, write_json

ROOT = Path(__file__).parent.parent
CACHED = {"flip": False, "zoom": 0.0, "end_to_end": False}
HEAD = CACHED | {"architecture": "dense_head", "filters": [], "block_dropout": []}
CONV = CACHED | {"architecture": "conv_head", "filters": [4], "block_dropout": [0.5]}
SCRATCH = {
    "base_net": {"architecture": "base_net", "block_dropout": [], "normalisation": "none"},
    "deeper_net": {},
    "batch_norm_after": {"batch_norm": "after"},
    "sgd": {"optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.01, "momentum": 0.9}}},
    "adagrad": {"optimizer": {"class_name": "Adagrad", "config": {"learning_rate": 0.01}}},
    "rmsprop": {"optimizer": {"class_name": "RMSprop", "config": {"learning_rate": 0.001}}},
    "adadelta": {"optimizer": {"class_name": "Adadelta", "config": {"learning_rate": 0.001}}},
}
HEADS = {
    "linear_head": HEAD | {"dense_units": [], "dense_dropout": []},
    "mlp_head": HEAD | {"batch_norm": "none"},
    "conv_head": CONV | {"pooling": "flatten"},
    "conv_head_pooled": CONV | {"pooling": "global_average"},
    "frozen": HEAD | {"batch_norm": "none", "end_to_end": True},
}
FINE_TUNES = {"fine_tuned": {"starts_from": "frozen", "unfreeze": "all"}, "conv5": {"unfreeze": "conv5"}}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two folders with the same data, backbone and features."""
    root = tmp_path_factory.mktemp("repeatability")
    for name in ("first", "second"):
        folder = root / name
        write_dataset(folder / "data", n=60, size=24)
        write_json(folder / "code.json", "0")
        write_json(folder / "params.yaml", {"features": {"threads": 2, "batch_size": 8}})
        write_json(folder / "backbone/provenance.json", {"w.h5": {"kind": "official", "sha256": "3" * 64}})
        for module, arguments in (
            ("benchmarks.backbone", ("backbone/backbone.keras",)),
            (
                "stages.cache_features",
                ("code.json", "data/images.npy", "backbone/backbone.keras", "features"),
            ),
        ):
            processes.call(module, arguments, folder, root / "log")
    return root


def trained(folder, module, name, changes, *arguments):
    write_json(folder / f"{name}.json", variant(name=name, **changes))
    log = folder / "log"
    processes.call(module, (f"{name}.json", "data", *arguments, f"models/{name}"), folder, log)
    return hashes(folder / "models" / name)


def test_features_are_the_same_bytes(study):
    assert hashes(study / "first/features") == hashes(study / "second/features")
    assert len(hashes(study / "first/features")) == 3


@pytest.mark.parametrize("name", SCRATCH)
def test_a_network_from_scratch_is_the_same_bytes(study, name):
    first, second = (
        trained(study / folder, "stages.train", name, SCRATCH[name]) for folder in ("first", "second")
    )
    assert first == second
    assert sorted(first) == ["history.csv", "model.keras", "predictions.npz", "run.json"]


@pytest.mark.parametrize("name", HEADS)
def test_a_head_is_the_same_bytes(study, name):
    runs = [
        trained(study / folder, "stages.train_head", name, HEADS[name], "backbone", "features")
        for folder in ("first", "second")
    ]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("name", FINE_TUNES)
def test_a_fine_tuned_network_is_the_same_bytes(study, name):
    runs = []
    for folder in ("first", "second"):
        trained(study / folder, "stages.train_head", "frozen", HEADS["frozen"], "backbone", "features")
        changes = FINE_TUNES[name] | {"epochs": 1}
        runs.append(trained(study / folder, "stages.fine_tune", name, changes, "backbone", "models/frozen"))
    assert runs[0] == runs[1]


def test_a_process_of_its_own_elsewhere_with_other_hash_seeds_gives_the_same_bytes(study, tmp_path):
    expected = trained(study / "first", "stages.train", "deeper_net", SCRATCH["deeper_net"])
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "7",
        "TZ": "Asia/Tokyo",
        "LC_ALL": "C",
    }
    command = [
        sys.executable,
        "-m",
        "stages.train",
        study / "first/deeper_net.json",
        study / "first/data",
        "model",
    ]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert hashes(tmp_path / "model") == expected


def test_threads_device_versions_and_seed_are_on_record(study):
    trained(study / "first", "stages.train", "deeper_net", {"threads": 1, "seed": 3})
    record = json.loads((study / "first/models/deeper_net/run.json").read_text())
    assert (record["threads"], record["seed"], record["settings"]) == (1, 3, {})
    assert record["device"].startswith(("cpu: ", "gpu: "))
    assert {"keras", "tensorflow", "numpy", "python"} <= set(record["versions"])
    assert "computes on cpu" in (study / "first/log").read_text() or record["device"].startswith("gpu")
    assert ", 1 threads" in (study / "first/log").read_text()
