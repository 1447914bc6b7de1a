"""The three training verbs as commands: data and resolved files in, a run's folder out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.studies import hashes, write_dataset, write_json, write_resolved
from stages.runtime import resolved

ROOT = Path(__file__).parent.parent
HEAD = {"network": {"dense_head": {"dense_units": [6]}}, "augmentation": None, "normalisation": None}
HOSTILE = {  # a notebook, a user's ~/.keras, limits of Keras, another hash seed, time zone and locale
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "KERAS_HOME": "hostile",
    "KERAS_MAX_EPOCHS": "1",
    "PYTHONHASHSEED": "7",
    "TZ": "Asia/Tokyo",
    "LC_ALL": "C",
}
THEIRS = {"floatx": "float64", "epsilon": 1e-3, "backend": "jax", "image_data_format": "channels_first"}


def call(folder, module, *arguments, **changes):
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | changes
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def succeed(*arguments, **changes):
    done = call(*arguments, **changes)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder with data, a backbone, features and a head on them."""
    folder = tmp_path_factory.mktemp("train")
    write_dataset(folder / "pets")
    write_json(folder / "hostile/keras.json", THEIRS)
    assert call(folder, "benchmarks.backbone", "backbone/backbone.keras").returncode == 0
    write_json(folder / "backbone/manifest.json", {"sha256": hashes(folder / "backbone")})
    knobs = {"threads": 2, "batch_size": 8, "image_size": 16}
    resolved.write(folder / "features.json", "cache_features", knobs, ("stages.pooling.average",))
    inputs = ("features.json", "pets/images.npy", "backbone/backbone.keras")
    succeed(folder, "stages.cache_features", *inputs, "features")
    write_resolved(folder / "head.json", "train_head", **HEAD, name="head", end_to_end=True, epochs=2)
    succeed(folder, "stages.train_head", "head.json", "pets", "features", "models/head")
    return folder


def record(folder, seed=0):
    return json.loads((folder / f"seed-{seed}" / "run.json").read_text())


def test_a_hostile_environment_changes_no_byte(study):
    write_resolved(study / "tiny.json", epochs=2)
    printed = succeed(study, "stages.train", "tiny.json", "pets", "models/tiny")
    assert printed.splitlines()[0].startswith("running on ")
    assert [line.split(",")[0] for line in printed.splitlines()[1:]] == ["tiny: epoch 1/2", "tiny: epoch 2/2"]
    succeed(study, "stages.train", "tiny.json", "pets", "elsewhere/tiny", **HOSTILE)
    expected = hashes(study / "models/tiny/seed-0")
    assert sorted(expected) == ["history.csv", "model.keras", "predictions.npz", "run.json"]
    assert hashes(study / "elsewhere/tiny/seed-0") == expected
    found = record(study / "models/tiny")
    assert (found["dataset"], found["backend"]) == ("pets", "tensorflow")
    assert found["settings"] == {"TF_ENABLE_ONEDNN_OPTS": "1"}


HELPED = """
import sys
from stages.runtime import cores, limits
cores.FIRST_S, cores.POLL_S, limits.cores = 0.0, 0.1, lambda: 4
from stages import train
train.main(sys.argv[1:])
"""


def test_seeds_are_the_same_bytes_whichever_process_trains_them(study):
    """Two threads a seed: of four cores two are for a helper."""
    write_resolved(study / "four.json", epochs=4, seeds=4)
    arguments = ("four.json", "pets")
    command = [sys.executable, "-c", HELPED, *arguments, "helped/four"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=study, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("running on") > 1  # somebody helped
    succeed(study, "stages.train", "four.json", "pets", "alone/four")
    for seed in range(4):
        found = hashes(study / f"helped/four/seed-{seed}")
        assert found == hashes(study / f"alone/four/seed-{seed}")


def test_a_head_learns_from_features_and_is_saved_with_its_backbone(study):
    found = record(study / "models/head")
    # 2048*6+6 and 6*3+3 of the head, which alone is trained; of the backbone 3*3*3*32+32 = 896,
    # 3*3*32*64+64 = 18496, 3*3*64*128+128 = 73856, 128*2048+2048 = 264192, 4*(32+64+128+2048) = 9088
    assert found["parameters"] == {"total": 12_315 + 366_528, "trainable": 12_315}
    assert set(found["inputs"]) == {"pooled.npy", "labels.npy", "split.npy", "class_names.json"}
    assert (study / "models/head/seed-0/model.keras").stat().st_size > 1_000_000  # the backbone is inside


def test_a_fine_tune_counts_its_epochs_on_from_its_start(study):
    write_resolved(
        study / "tuned.json",
        "fine_tune",
        **HEAD | {"network": None},
        name="tuned",
        unfreeze="conv5",
        epochs=1,
        optimizer={"class_name": "SGD", "config": {"learning_rate": 0.001}},
    )
    printed = succeed(study, "stages.fine_tune", "tuned.json", "pets", "models/head", "models/tuned")
    assert "tuned: epoch 3/3, " in printed
    history = (study / "models/tuned/seed-0/history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in history] == ["epoch", "3"]
    # the head's, and of conv5 128*2048+2048
    assert record(study / "models/tuned")["parameters"]["trainable"] == 12_315 + 264_192


def test_a_seed_of_a_fine_tune_starts_from_the_same_seed_of_its_head(study):
    knobs = HEAD | {"epochs": 1, "seeds": 2}
    write_resolved(study / "two.json", "train_head", **knobs, name="two", end_to_end=True)
    succeed(study, "stages.train_head", "two.json", "pets", "features", "models/two")
    still = {"class_name": "SGD", "config": {"learning_rate": 0.0}}
    tuned = knobs | {"network": None, "name": "still", "unfreeze": "none", "optimizer": still}
    write_resolved(study / "still.json", "fine_tune", **tuned)
    succeed(study, "stages.fine_tune", "still.json", "pets", "models/two", "models/still")
    for seed in (0, 1):
        before, after = (
            np.load(study / f"models/{name}/seed-{seed}/predictions.npz")["test_probabilities"]
            for name in ("two", "still")
        )
        assert np.allclose(before, after, atol=2e-3)  # features are cached in float32, pooled


def test_code_that_was_edited_since_it_was_resolved_is_refused(study):
    write_resolved(study / "old.json")
    content = json.loads((study / "old.json").read_text())
    write_json(study / "old.json", content | {"code": content["code"] | {"stages.train": "0" * 16}})
    done = call(study, "stages.train", "old.json", "pets", "models/old")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: stages/train.py: edited after `resolve` wrote old.json; ")
    assert not (study / "models/old").exists()


def test_data_that_prepare_did_not_write_is_refused(study):
    write_dataset(study / "swapped")
    names = study / "swapped/class_names.json"
    names.write_text(names.read_text().replace("ant", "bat"))
    write_resolved(study / "tiny.json", epochs=2)
    done = call(study, "stages.train", "tiny.json", "swapped", "models/swapped")
    assert done.returncode == 1
    assert "error: swapped/class_names.json has sha256 " in done.stderr
    assert len(done.stderr.splitlines()) == 1
