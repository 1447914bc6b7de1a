"""The seeds of a variant, from networks to a folder: equal bytes, even when interrupted on the way."""

import json
import os
import signal
import zipfile

import keras
import numpy as np
import pytest

from benchmarks import studies
from stages.datasets import prepared
from stages.networks import views
from stages.runtime import cores, limits, locks, signals
from stages.runtime.errors import InputError
from stages.runtime.resolved import Resolved
from stages.training import backend, prediction, run_writer, runs, session

pytestmark = pytest.mark.usefixtures("keras_configured")

FILES = ["history.csv", "model.keras", "predictions.npz", "run.json"]
MANY = {  # chunks of 16 and 8 steps
    **{"batch_size": 1, "epochs": 2, "ema": 0.9, "schedule": "cosine", "augmentation": [["flip", True]]},
    "network": {"base_net": {"filters": [3], "dense_units": [], "block_dropout": [0.5]}},
}
SHORT = studies.PLAIN | {"epochs": 1}


@pytest.fixture
def train(tmp_path, monkeypatch):
    """A function that trains a variant into a folder; what it keeps lies in the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(limits, "cores", lambda: 1)  # so that nobody helps
    studies.write_dataset(tmp_path / "data")

    def train(folder, *, code="code", start=None, **changes):
        monkeypatch.setattr(signals, "_ending", [])  # each run stands for a process of its own
        resolved = Resolved(studies.knobs(**changes), (), {"stages.train": code})
        data = prepared.read(tmp_path / "data")

        def build(seed):
            model = studies.build(data, resolved.knobs | {"seed": seed})
            whole = views.averaged(model, views.views(**resolved.knobs.get("views", {})))
            return runs.Network(model, whole, whole)

        runs.run(runs.Variant(resolved, data, "pets", build, "none", [], start=start), tmp_path / folder)
        return tmp_path / folder

    return train


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def record(folder, seed=0):
    return json.loads((folder / f"seed-{seed}" / "run.json").read_text())


def predictions(folder, seed=0):
    return dict(np.load(folder / f"seed-{seed}" / "predictions.npz"))


@pytest.fixture
def at_chunk(monkeypatch):
    """A function that calls another before the chunk of this number is computed, once."""

    def at_chunk(number, call):
        original, count = session.step_function, -1  # the warm-up's: one size of batch

        def step_function(*arguments, **keywords):
            advance = original(*arguments, **keywords)

            def counted(*values):
                nonlocal count
                count += 1
                if count == number:
                    call()
                return advance(*values)

            return counted

        monkeypatch.setattr(session, "step_function", step_function)

    return at_chunk


def fail():
    raise KeyboardInterrupt


def test_interrupted_and_stopped_runs_end_in_the_bytes_of_an_undisturbed_one(
    train, at_chunk, tmp_path, capsys
):
    expected = contents(train("models/undisturbed", **MANY))
    assert sorted(expected) == [f"seed-0/{name}" for name in FILES]
    at_chunk(4, fail)  # in epoch 2, which has two chunks
    with pytest.raises(KeyboardInterrupt):
        train("models/disturbed", **MANY)
    assert not (tmp_path / "models/disturbed").exists()
    store = tmp_path / ".checkpoints/models/disturbed"
    assert [path.name for path in store.iterdir() if path.suffix != ".lock"] == ["seed-0.npz"]
    at_chunk(1, lambda: os.kill(os.getpid(), signal.SIGTERM))  # the first of epoch 2
    with pytest.raises(SystemExit) as caught:
        train("models/disturbed", **MANY)
    assert caught.value.code == 128 + signal.SIGTERM
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "tiny: resuming after epoch 1"
    assert lines[-1] == "tiny: stopped after epoch 1, step 16; run the same command again to resume"
    resumed = contents(train("models/disturbed", **MANY))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tiny: resuming after epoch 1, step 16"
    assert [line.split(",")[0] for line in lines[1:]] == ["tiny: epoch 2/2"]
    assert {name: resumed[name] == expected[name] for name in expected} == dict.fromkeys(expected, True)
    assert (
        contents(train("models/disturbed", **MANY)) == expected
    )  # as if DVC were killed before it recorded it
    assert capsys.readouterr().out == ""
    assert not (store / "seed-0.npz").exists()


def test_more_seeds_train_only_the_new_ones_and_each_is_what_it_is_alone(train, tmp_path, capsys):
    two = contents(train("models/some", **SHORT, seeds=2))
    assert sorted(two) == sorted(f"seed-{seed}/{name}" for seed in (0, 1) for name in FILES)
    assert two["seed-0/model.keras"] != two["seed-1/model.keras"]
    capsys.readouterr()
    three = contents(train("models/some", **SHORT, seeds=3))
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["tiny, seed 2"]
    assert {name: three[name] for name in two} == two
    again = contents(train("models/some", **SHORT, seeds=1))
    assert (again, capsys.readouterr().out) == ({n: v for n, v in two.items() if n.startswith("seed-0/")}, "")
    alone = contents(train("models/alone", **SHORT, seed=2))
    assert alone == {name: three[name] for name in three if name.startswith("seed-2/")}


def use_more_images(folder):
    """Replaces the data."""
    studies.write_dataset(folder / "more", n=50)
    (folder / "data").rename(folder / "former")
    (folder / "more").rename(folder / "data")


@pytest.mark.parametrize("change", [{"code": "edited"}, {"epochs": 2}])
def test_a_seed_of_other_knobs_or_code_is_trained_again(train, capsys, change):
    train("models/some", **SHORT)
    capsys.readouterr()
    train("models/some", **SHORT | change)
    assert "tiny: epoch 1" in capsys.readouterr().out


@pytest.mark.parametrize("other", ["data", "environment"])
def test_a_seed_of_other_data_or_another_environment_is_trained_again(
    train, tmp_path, monkeypatch, capsys, other
):
    train("models/some", **SHORT)
    if other == "data":
        use_more_images(tmp_path)
    else:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    capsys.readouterr()
    train("models/some", **SHORT)
    assert "tiny: epoch 1" in capsys.readouterr().out


def test_a_finished_seed_whose_file_was_edited_is_trained_again(train, tmp_path, capsys):
    expected = contents(train("models/some", **SHORT))
    kept = tmp_path / ".checkpoints/models/some/seed-0/history.csv"
    kept.unlink()
    kept.write_text("edited")
    capsys.readouterr()
    assert contents(train("models/some", **SHORT)) == expected
    assert "tiny: epoch 1/1" in capsys.readouterr().out


def test_an_interruption_between_training_and_writing_trains_no_epoch_again(train, monkeypatch, capsys):
    with monkeypatch.context() as patched:
        patched.setattr(run_writer, "write", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train("models/run", **SHORT)
    capsys.readouterr()
    folder = train("models/run", **SHORT)
    assert capsys.readouterr().out == "tiny: resuming after epoch 1\n"
    assert len((folder / "seed-0/history.csv").read_text().splitlines()) == 2


def test_a_loss_that_is_not_finite_leaves_no_folder_and_frees_its_lock(train, tmp_path):
    huge = {"class_name": "SGD", "config": {"learning_rate": 1e38}}
    with pytest.raises(InputError, match="lower the learning_rate"):
        train("models/run", optimizer=huge, **studies.PLAIN)
    assert not (tmp_path / "models/run").exists()
    assert not locks.is_held(tmp_path / ".checkpoints/models/run/seed-0.lock")


def test_a_run_records_all_that_made_it(train, tmp_path):
    manifest = tmp_path / "data/manifest.json"
    manifest.write_text(manifest.read_text().replace('"squash"', '"crop"'))
    folder = train("models/run", epochs=2, ema=0.7, seeds=2)
    data, found = prepared.read(tmp_path / "data"), record(folder, seed=1)
    # conv 3*3*3*2+2 = 56, 3*3*2*3+3 = 57, dense 6*6*3*6+6 = 654, 6*3+3 = 21; of batch normalisation
    # 2 * (2+3+6) = 22 are trained and as many gathered
    assert found["parameters"] == {"total": 832, "trainable": 810}
    knobs = studies.knobs(epochs=2, ema=0.7)
    assert found["knobs"] == {knob: value for knob, value in knobs.items() if knob not in ("name", "seed")}
    expected = {
        **{"name": "tiny", "dataset": "pets", "epochs": 2, "last_epoch": 2, "seed": 1, "threads": 2},
        **{"precision": "float32", "classes": 3, "inputs": data.hashes, "image_size": 16},
        **{"resize": "crop", "notes": {}, "code": {"stages.train": "code"}},
        "splits": {"train": 24, "validation": 8, "test": 8, "left_out": 0},
    }
    assert found | expected == found
    assert sorted(found["sha256"]) == ["history.csv", "model.keras", "predictions.npz"]
    with zipfile.ZipFile(folder / "seed-1/model.keras") as file:  # for `predict`
        assert '"crop"' in "".join(
            file.read(name).decode() for name in file.namelist() if name.endswith("json")
        )


def test_a_recipe_is_equal_for_seeds_and_counts_knobs_data_and_the_start(train, tmp_path):
    def recipe(folder, seed=0, **changes):
        return record(train(folder, **SHORT | changes), seed)["recipe"]

    first = train("models/a", **SHORT, seeds=2)
    assert record(first, 0)["recipe"] == record(first, 1)["recipe"]
    others = [
        recipe("models/b", ema=0.5),
        *(
            recipe("models/c", start=lambda seed, to=to: {"recipe": to, "fingerprint": to, "last_epoch": 3})
            for to in "xy"
        ),
    ]
    use_more_images(tmp_path)
    others.append(recipe("models/d"))
    assert len({record(first)["recipe"], *others}) == 5


def test_what_is_saved_predicts_what_was_measured(train, tmp_path):
    folder, data = train("models/run", epochs=2, ema=0.7), prepared.read(tmp_path / "data")
    model = keras.saving.load_model(folder / "seed-0/model.keras")
    assert not model.compiled
    found = predictions(folder)
    assert found["class_names"].tolist() == ["ant", "bee", "cow"]
    for split in ("validation", "test"):
        rows = data.rows(split)
        assert np.array_equal(found[f"{split}_labels"], data.labels[rows])
        expected = model.predict_on_batch(data.inputs[rows].astype(np.float32))
        assert np.allclose(found[f"{split}_probabilities"], expected, atol=1e-6)
    measured = prediction.loss_and_accuracy(found["validation_probabilities"], found["validation_labels"])
    last = (folder / "seed-0/history.csv").read_text().splitlines()[-1].split(",")
    assert measured["loss"] == pytest.approx(float(last[3]), rel=1e-5)


def test_views_are_in_the_saved_model_and_change_the_predictions_of_the_same_network(train, tmp_path):
    chosen = {"mirror": True, "shift": 2}
    plain, seen = train("models/plain", **SHORT), train("models/views", **SHORT, views=chosen)
    histories = [(folder / "seed-0/history.csv").read_text() for folder in (plain, seen)]
    assert histories[0] == histories[1]
    data = prepared.read(tmp_path / "data")
    images = data.inputs[data.rows("test")].astype(np.float32)
    model, looks = keras.saving.load_model(seen / "seed-0/model.keras"), views.views(**chosen)
    found = predictions(seen)["test_probabilities"]
    assert np.allclose(model.predict_on_batch(images), found, atol=1e-6)
    network = keras.saving.load_model(plain / "seed-0/model.keras")
    means = [network.predict_on_batch(np.asarray(views.seen(images, look))) for look in looks]
    assert np.allclose(np.mean(means, axis=0), found, atol=1e-6)
    assert not np.allclose(found, predictions(plain)["test_probabilities"], atol=1e-6)


def test_a_helper_trains_free_seeds_and_leaves_the_folder_to_others(train, tmp_path, monkeypatch):
    monkeypatch.setenv(cores.HELPER, "1")
    store = tmp_path / ".checkpoints/models/some"
    store.mkdir(parents=True)
    with locks.held(store / "seed-0.lock"):
        train("models/some", **SHORT, seeds=2)
    assert not (tmp_path / "models/some").exists()
    assert sorted(path.name for path in store.iterdir() if path.is_dir()) == ["seed-1"]


def test_every_seed_is_trained_in_the_precision_asked_for(train, monkeypatch):
    built = []
    build = studies.build
    monkeypatch.setattr(studies, "build", lambda *given: built.append(build(*given)) or built[-1])
    backend.configure(2, "mixed_bfloat16")
    try:
        train("seeds", **SHORT, seeds=2)
    finally:
        backend.configure(2)
    assert [model.layers[-2].compute_dtype for model in built] == ["bfloat16"] * 2
