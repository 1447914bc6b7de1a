"""Checkpoints: weights, batch norm's averages and the optimizer's state come back bit by bit."""

from pathlib import Path

import numpy as np
import pytest

from stages import locks
from stages.networks import deeper_net
from stages.training import checkpoints, fitting
from stages.training.checkpoints import Progress

pytestmark = pytest.mark.usefixtures("keras_configured")

HISTORY = [{"epoch": 1, "loss": 1 / 3, "accuracy": 0.1}, {"epoch": 2, "loss": 1e-17, "accuracy": 1.0}]
PROGRESS = Progress(HISTORY, [(10, 1 / 3, 0.1), (4, 2 / 7, 1.0)])


@pytest.fixture(scope="module")
def model(keras_configured, tiny_variant):
    """A compiled network with dropout, batch normalisation and Adam, after one step."""
    model = fresh(tiny_variant())
    model.train_on_batch(np.full((4, 16, 16, 3), 9.0, np.float32), np.array([0, 1, 2, 0]))
    return model


def fresh(variant):
    return fitting.compiled(deeper_net.build(variant, (16, 16, 3), 3, None), variant)


def state(model):
    return [np.asarray(variable).copy() for variable in [*model.variables, *model.optimizer.variables]]


def equal(first, second):
    return [np.array_equal(a, b) for a, b in zip(first, second, strict=True)]


def test_all_state_comes_back_and_so_does_the_progress(model, tiny_variant, tmp_path):
    checkpoints.save(tmp_path / "c.npz", model, PROGRESS, "run", {"name": "tiny"})
    other = fresh(tiny_variant(seed=1))
    assert not all(equal(state(other), state(model)))
    assert checkpoints.restore(tmp_path / "c.npz", other, "run") == PROGRESS
    assert all(equal(state(other), state(model)))
    assert int(other.optimizer.iterations) == 1


def test_the_state_holds_momenta_averages_and_the_dropouts_seeds(model):
    names = {variable.path for variable in [*model.variables, *model.optimizer.variables]}
    for part in ("moving_variance", "momentum", "velocity", "iteration", "learning_rate", "seed_generator"):
        assert any(part in name for name in names), part


def test_a_checkpoint_of_another_run_is_removed_and_leaves_the_model_alone(
    model, tiny_variant, tmp_path, capsys
):
    checkpoints.save(tmp_path / "c.npz", model, PROGRESS, "run", {"name": "tiny"})
    other = fresh(tiny_variant(seed=1))
    before = state(other)
    assert checkpoints.restore(tmp_path / "c.npz", other, "another run") == Progress()
    assert all(equal(state(other), before))
    assert "c.npz is of another run: knobs, code, data, versions or device changed" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_no_checkpoint_is_no_progress(model, tmp_path):
    before = state(model)
    assert checkpoints.restore(tmp_path / "none.npz", model, "run") == Progress()
    assert all(equal(state(model), before))


def test_saving_replaces_the_file_and_leaves_no_other(model, tmp_path):
    for epochs in (1, 2):
        checkpoints.save(
            tmp_path / "deep" / "c.npz", model, Progress(HISTORY[:epochs]), "run", {"name": "tiny"}
        )
        assert [path.name for path in (tmp_path / "deep").iterdir()] == ["c.npz"]
    assert checkpoints.restore(tmp_path / "deep" / "c.npz", model, "run") == Progress(HISTORY)


def test_a_file_that_holds_python_objects_is_not_unpickled_but_counts_as_damaged(model, tmp_path, capsys):
    np.savez(tmp_path / "c.npz", header=np.array([{"fingerprint": "run"}], dtype=object))
    assert checkpoints.restore(tmp_path / "c.npz", model, "run") == Progress()
    assert "allow_pickle=False); removed, training starts anew" in capsys.readouterr().out


def test_a_cut_file_counts_as_damaged_and_leaves_the_model_alone(model, tmp_path):
    path = tmp_path / "c.npz"
    checkpoints.save(path, model, PROGRESS, "run", {"name": "tiny"})
    path.write_bytes(path.read_bytes()[:-100])
    before = [np.asarray(variable) for variable in model.variables]
    assert checkpoints.restore(path, model, "run") == Progress()
    assert all(np.array_equal(old, new) for old, new in zip(before, model.variables, strict=True))


def test_no_damage_of_a_checkpoint_is_a_crash_or_a_half_restored_model(model, tmp_path):
    path = tmp_path / "c.npz"
    checkpoints.save(path, model, PROGRESS, "run", {"name": "tiny"})
    whole, before = path.read_bytes(), state(model)
    rng = np.random.default_rng(0)
    n_damaged = 0
    for position in [*rng.integers(0, len(whole), 200), *range(len(whole) - 300, len(whole))]:
        spoilt = bytearray(whole)
        spoilt[position] ^= 1 << rng.integers(8)
        path.write_bytes(spoilt)
        found = checkpoints.restore(path, model, "run")
        assert found in (Progress(), PROGRESS)
        assert all(equal(state(model), before))
        n_damaged += found == Progress()
    assert n_damaged > 200


def test_progress_names_the_last_thing_done():
    assert str(PROGRESS) == "epoch 2 and 2 steps"
    assert str(Progress(HISTORY)) == "epoch 2"
    assert str(Progress([], [(1, 0.5, 0.5)])) == "the start and 1 steps"


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A folder with a checkpoint of a finished training, of an unfinished one, and of features."""
    monkeypatch.chdir(tmp_path)
    for out in ("models/finished", "data/features", ".checkpoints/data/features", ".checkpoints/models"):
        (tmp_path / out).mkdir(parents=True)
    for name in ("finished", "unfinished"):
        (tmp_path / f".checkpoints/models/{name}.npz").write_bytes(b"")
    return tmp_path


def test_checkpoints_of_outputs_that_are_there_are_pruned(workspace):
    checkpoints.prune(Path("models/final"))
    left = [path.name for path in (workspace / ".checkpoints").rglob("*") if path.is_file()]
    assert left == ["unfinished.npz"]
    assert not (workspace / ".checkpoints/data/features").exists()


def test_a_run_does_not_prune_its_own_checkpoint_nor_that_of_a_living_process(workspace):
    lock = checkpoints.path(Path("models/finished")).with_suffix(".lock")
    checkpoints.prune(Path("models/finished"))
    assert lock.with_suffix(".npz").exists()
    with locks.held(lock):
        checkpoints.prune(Path("models/final"))
        assert lock.with_suffix(".npz").exists()
    checkpoints.prune(Path("models/final"))
    assert not lock.with_suffix(".npz").exists()
