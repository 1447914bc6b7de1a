"""Checkpoints: weights, averages and the optimizer's state come back bit by bit, all or none."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import studies
from stages.training import checkpoints
from stages.training.checkpoints import Progress
from stages.training.session import prepare

pytestmark = pytest.mark.usefixtures("keras_configured")

HISTORY = [{"epoch": 1, "loss": 1 / 3, "accuracy": 0.1}, {"epoch": 2, "loss": 1e-17, "accuracy": 1.0}]
PROGRESS = Progress(HISTORY, [(10, 1 / 3, 0.1), (4, 2 / 7, 1.0)])


@pytest.fixture(scope="module")
def fresh(keras_configured, tmp_path_factory):
    """A function that prepares a run with averages, which keeps the weights of its best epoch."""

    def fresh(seed):
        data, folder = studies.dataset(), tmp_path_factory.mktemp("run")
        return prepare(studies.training_run(data, folder, seed=seed, ema=0.9, restore_best=True))

    return fresh


@pytest.fixture(scope="module")
def trained(fresh):
    """A run with dropout, batch normalisation, Adam, averages and best weights, after one step."""
    run = fresh(seed=0)
    run.model.train_on_batch(np.full((4, 16, 16, 3), 9.0, np.float32), np.eye(3)[[0, 1, 2, 0]])
    return run


@pytest.fixture(scope="module")
def untrained(fresh):
    """A run that differs from it in its weights and seeds."""
    return fresh(seed=1)


@pytest.fixture
def other(untrained):
    before = checkpoints.state(untrained.variables)
    yield untrained
    checkpoints.assign(untrained.variables, before)


@pytest.fixture
def saved(trained, tmp_path):
    checkpoints.save(tmp_path / "c.npz", trained.variables, PROGRESS, "run")
    return tmp_path / "c.npz"


def is_in(run, state):
    return all(map(np.array_equal, checkpoints.state(run.variables), state))


def test_all_state_comes_back_and_so_does_the_progress(trained, other, saved):
    assert not is_in(other, checkpoints.state(trained.variables))
    assert checkpoints.restore(saved, other.variables, "run") == PROGRESS  # to the last digit
    assert is_in(other, checkpoints.state(trained.variables))
    assert int(other.model.optimizer.iterations) == 1


def test_the_state_holds_momenta_averages_best_weights_and_the_dropouts_seeds(trained):
    names = [variable.path for variable in trained.variables]
    for part in ("moving_variance", "momentum", "velocity", "iteration", "learning_rate", "seed_generator"):
        assert any(part in name for name in names), part
    n = len(trained.model.weights)
    assert len(trained.average) == len(trained.best) == n > 10
    copies = [copy for copy, _ in (*trained.average, *trained.best)]
    assert all(kept is copy for kept, copy in zip(trained.variables[-2 * n :], copies, strict=True))


def test_a_checkpoint_of_a_different_run_is_deleted_and_leaves_the_run_alone(other, saved, capsys):
    before = checkpoints.state(other.variables)
    assert checkpoints.restore(saved, other.variables, "another run") == Progress()
    assert is_in(other, before)
    assert "c.npz belongs to a different run (settings, code, data, versions or device); deleted" in (
        capsys.readouterr().out
    )
    assert list(saved.parent.iterdir()) == []


def test_a_file_that_holds_python_objects_is_not_unpickled_but_counts_as_damaged(other, tmp_path, capsys):
    np.savez(tmp_path / "c.npz", header=np.array([{"fingerprint": "run"}], dtype=object))
    assert checkpoints.restore(tmp_path / "c.npz", other.variables, "run") == Progress()
    said = capsys.readouterr().out
    assert "c.npz is damaged (Object arrays cannot be loaded when allow_pickle=False)" in said
    assert "deleted, starting from scratch" in said


def test_a_cut_file_and_one_of_another_network_leave_the_run_as_it_was(trained, other, saved, capsys):
    before, whole = checkpoints.state(other.variables), saved.read_bytes()
    saved.write_bytes(whole[:-100])
    assert checkpoints.restore(saved, other.variables, "run") == Progress()
    saved.write_bytes(whole)
    assert checkpoints.restore(saved, other.variables[::-1], "run") == Progress()
    assert is_in(other, before)
    assert "is damaged (its arrays have other shapes); deleted" in capsys.readouterr().out


def test_no_damage_of_a_checkpoint_is_a_crash_or_a_half_restored_run(trained, other, tmp_path):
    path, variables = tmp_path / "c.npz", other.variables[:4]
    checkpoints.save(path, trained.variables[:4], PROGRESS, "run")
    whole = path.read_bytes()
    old, new = checkpoints.state(variables), checkpoints.state(trained.variables[:4])
    assert not any(map(np.array_equal, old[::2], new[::2]))  # the kernels; biases are zero
    rng = np.random.default_rng(0)
    n_damaged = 0
    for position in range(0, len(whole), 9):
        spoilt = bytearray(whole)
        spoilt[position] ^= 1 << rng.integers(8)
        path.write_bytes(spoilt)
        found = checkpoints.restore(path, variables, "run")
        n_damaged += found == Progress()
        assert found in (Progress(), PROGRESS)
        assert all(map(np.array_equal, checkpoints.state(variables), old if found == Progress() else new))
        checkpoints.assign(variables, old)
    assert 0.5 < n_damaged / (len(whole) / 9) < 1


def test_what_is_kept_of_an_output_lies_beside_dvcs_outs():
    assert checkpoints.store(Path("models/final")) == Path(".checkpoints/models/final")
    assert checkpoints.store(Path("/elsewhere/models/final")) == Path(".checkpoints/models/final")
