"""Temporary files of killed processes: found unless somebody writes them, and only where they are ours."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from stages.runtime import locks
from stages.workspace.leftovers import leftovers
from stages.workspace.outputs import Workspace

CACHE = Path(".dvc/cache/files/md5")
OUTS = (
    "data/cub200",
    "data/archives/cub200",
    "data/features/cub200_resnet50",
    "models/final",
    "plots/summary.csv",
)


def found(root):
    """Returns the places found, after all repairs."""
    findings = list(leftovers(Workspace(root, CACHE, {}), list(map(Path, OUTS))))
    for finding in findings:
        assert finding.problem == "was left by a killed process"
        finding.repair()
    return [str(finding.place) for finding in findings]


def write(path, text="something"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("is_held", [True, False])
@pytest.mark.parametrize(
    ("name", "lock"),
    [
        ("models/.final.partial", "models/.final.lock"),
        ("models/.final.partial", "models/.final.replaced.lock"),
        ("models/.final.replaced.partial", "models/.final.lock"),
        (".checkpoints/models/final/.seed-0.partial", ".checkpoints/models/final/seed-0.lock"),
        (".checkpoints/models/final/.seed-0.npz.partial", ".checkpoints/models/final/seed-0.lock"),
    ],
)
def test_what_is_unfinished_is_left_over_unless_its_lock_is_held(tmp_path, name, lock, is_held):
    write(tmp_path / name / "half")
    with ExitStack() as stack:
        if is_held:
            stack.enter_context(locks.held(tmp_path / lock))
        assert found(tmp_path) == ([] if is_held else [name])
        assert (tmp_path / name).exists() == is_held


@pytest.mark.parametrize("is_held", [True, False])
@pytest.mark.parametrize(
    "name", ["models/.final.lock", ".checkpoints/models/final/seed-0.lock", ".downloads/.a.tgz.lock"]
)
def test_a_lock_is_left_over_unless_it_is_held(tmp_path, name, is_held):
    with ExitStack() as stack:
        if is_held:
            stack.enter_context(locks.held(tmp_path / name))
        else:
            write(tmp_path / name, str(os.getpid()))
        assert found(tmp_path) == ([] if is_held else [name])
        assert (tmp_path / name).exists() == is_held


@pytest.mark.parametrize(
    "name",
    [
        *(".mine.lock", ".mine.partial", "uv.lock", "mine/.a.partial"),  # in folders of no output
        *("models/.mine.lock", "models/uv.lock", "models/mine.partial"),  # a lock of ours holds a number
        *("models/final_backup/model.keras", "metrics/notes.json", "data/mine/a.npy", "models/.mine.tmp"),
        *(".downloads/a.tgz.partial", ".downloads/a.tgz"),  # a download resumes from there
        ".checkpoints/models/final/seed-0.npz",  # a training resumes from there
        ".checkpoints/models/final/seed-1/model.keras",  # and takes what is finished
        ".checkpoints/cores/0.lock",
    ],
)
def test_what_is_not_ours_or_still_needed_is_neither_reported_nor_removed(tmp_path, name):
    write(tmp_path / name)
    assert found(tmp_path) == []
    assert (tmp_path / name).exists()


@pytest.mark.parametrize("folder", ["models", "data", f"{CACHE}/ab"])
def test_a_file_that_dvc_was_killed_at_is_left_over(tmp_path, folder):
    name = f"{folder}/.8ZyRZbpUbdG6ZCcXZ0ZQ-_.tmp"
    write(tmp_path / name)
    assert found(tmp_path) == [name]
