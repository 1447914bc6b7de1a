"""The three training verbs as commands: data and resolved files in, a run's folder out."""

import json
import sys

import commands
import numpy as np
import pytest

from benchmarks import processes
from benchmarks.studies import PLAIN, hashes, write_dataset, write_json, write_resolved
from stages.datasets import prepared
from stages.runtime import limits, resolved

HEAD = {"network": {"dense_head": {"dense_units": [6]}}, "augmentation": None, "normalisation": None}
HOSTILE = {  # a notebook, a user's ~/.keras, limits of Keras, another hash seed, time zone and locale
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "KERAS_HOME": "hostile",
    "KERAS_MAX_EPOCHS": "1",
    "PYTHONHASHSEED": "7",
    "TZ": "Asia/Tokyo",
    "LC_ALL": "C",
}
STILL = {"class_name": "SGD", "config": {"learning_rate": 0.0}}
THEIRS = {"floatx": "float64", "epsilon": 1e-3, "backend": "jax", "image_data_format": "channels_first"}

ALONE = {limits.CORES: "2"}  # a seed's, so none is left for a helper


def call(folder, *arguments, **changes):
    """Runs Python in a process of its own; returns what it printed."""
    done = commands.call(folder, sys.executable, *arguments, **changes)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def fork(folder, module, *arguments):
    return processes.call(module, arguments, folder, folder / "log")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A folder with data, a backbone, features and a head on them."""
    folder = tmp_path_factory.mktemp("train")
    write_dataset(folder / "pets")
    write_json(folder / "hostile/keras.json", THEIRS)
    fork(folder, "benchmarks.backbone", "backbone/backbone.keras")
    write_json(folder / "backbone/manifest.json", {"sha256": hashes(folder / "backbone")})
    knobs = {"threads": 2, "batch_size": 8, "image_size": 16}
    resolved.write(folder / "features.json", "cache_features", knobs, ("stages.pooling.average",))
    fork(
        *(folder, "stages.cache_features"),
        *("features.json", "pets/images.npy", "backbone/backbone.keras", "features"),
    )
    write_resolved(folder / "head.json", "train_head", **HEAD, name="head", end_to_end=True, epochs=2)
    fork(folder, "stages.train_head", "head.json", "pets", "features", "models/head")
    return folder


def record(folder, seed=0):
    return json.loads((folder / f"seed-{seed}" / "run.json").read_text())


HELPED = """
import sys
from stages.runtime import cores, limits
cores.FIRST_S, cores.POLL_S, limits.cores = 0.0, 0.1, lambda: 4
from stages import train
train.main(sys.argv[1:])
"""


def test_seeds_are_the_same_bytes_whichever_process_trains_them_in_a_hostile_environment_too(study):
    """Two threads a seed: of four cores two are for a helper."""
    write_resolved(study / "tiny.json", epochs=4, seeds=4)
    helped = call(study, "-c", HELPED, "tiny.json", "pets", "helped/tiny")
    assert helped.count("running on") > 1  # somebody helped
    alone = call(study, "-m", "stages.train", "tiny.json", "pets", "alone/tiny", **HOSTILE, **ALONE)
    first, *lines = alone.splitlines()
    assert first.startswith("running on ")
    expected = [f"tiny, seed {seed}: epoch {epoch}/4" for seed in range(4) for epoch in range(1, 5)]
    assert [line.rpartition(", loss")[0] for line in lines] == expected
    for seed in range(4):
        found = hashes(study / f"helped/tiny/seed-{seed}")
        assert sorted(found) == ["history.csv", "model.keras", "predictions.npz", "run.json"]
        assert found == hashes(study / f"alone/tiny/seed-{seed}")
    found = record(study / "alone/tiny")
    assert (found["dataset"], found["backend"]) == ("pets", "tensorflow")
    assert found["settings"] == {"TF_ENABLE_ONEDNN_OPTS": "1"}


@pytest.mark.parametrize(
    ("verb", "knobs", "inputs"),
    [("train", PLAIN, ["pets"]), ("train_head", HEAD, ["pets", "features"])],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_seed_starts_from_weights_of_its_own(study, verb, knobs, inputs):
    write_resolved(study / "still.json", verb, **knobs, optimizer=STILL, epochs=1, seeds=2)
    fork(study, f"stages.{verb}", "still.json", *inputs, f"still/{verb}")
    first, second = (
        np.load(study / f"still/{verb}/seed-{seed}/predictions.npz")["test_probabilities"] for seed in (0, 1)
    )
    assert not np.allclose(first, second, atol=1e-3)


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
    printed = fork(study, "stages.fine_tune", "tuned.json", "pets", "models/head", "models/tuned")
    assert "tuned: epoch 3/3, " in printed
    history = (study / "models/tuned/seed-0/history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in history] == ["epoch", "3"]
    # the head's, and of conv5 128*2048+2048
    assert record(study / "models/tuned")["parameters"]["trainable"] == 12_315 + 264_192


def test_a_seed_of_a_fine_tune_starts_from_the_same_seed_of_its_head(study):
    knobs = HEAD | {"epochs": 1, "seeds": 2}
    write_resolved(study / "two.json", "train_head", **knobs, name="two", end_to_end=True)
    fork(study, "stages.train_head", "two.json", "pets", "features", "models/two")
    tuned = knobs | {"network": None, "name": "still", "unfreeze": "none", "optimizer": STILL}
    write_resolved(study / "still.json", "fine_tune", **tuned)
    fork(study, "stages.fine_tune", "still.json", "pets", "models/two", "models/still")
    for seed in (0, 1):
        before, after = (
            np.load(study / f"models/{name}/seed-{seed}/predictions.npz")["test_probabilities"]
            for name in ("two", "still")
        )
        assert np.allclose(before, after, atol=2e-3)  # features are cached in float32, pooled


def test_a_fine_tune_predicts_on_enlarged_images_as_its_saved_model_does(study, keras_configured):
    from stages.backbones import keras_file

    knobs = HEAD | {"network": None, "epochs": 1, "unfreeze": "none", "optimizer": STILL}
    found = {}
    for name, size in (("as_it_is", None), ("enlarged", 24)):
        write_resolved(
            study / f"{name}.json",
            "fine_tune",
            **knobs,
            name=name,
            views={"mirror": True},
            test_image_size=size,
        )
        fork(study, "stages.fine_tune", f"{name}.json", "pets", "models/head", f"models/{name}")
        found[name] = np.load(study / f"models/{name}/seed-0/predictions.npz")["test_probabilities"]
        model = keras_file.read(study / f"models/{name}/seed-0/model.keras")
        data = prepared.read(study / "pets")
        images = data.inputs[data.rows("test")].astype(np.float32)
        np.testing.assert_allclose(model(images), found[name], atol=1e-5)
    assert not np.allclose(found["as_it_is"], found["enlarged"], atol=1e-3)
