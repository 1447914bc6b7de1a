"""Temporary files of killed processes: found unless somebody writes them, and only where they are ours."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from stages.runtime import locks
from stages.workspace.leftovers import leftovers
from stages.workspace.lockfile import Out
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
    outs = {Path(path): Out(Path(path), "stage", "0" * 32) for path in OUTS}
    findings = list(leftovers(Workspace(root, CACHE, outs), {}, {}))
    for finding in findings:
        assert finding.problem == "was left by a killed process"
        finding.repair()
    return [str(finding.place) for finding in findings]


def write(path, text="something"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("holds", [None, "models/.final.lock", ".checkpoints/models/final.lock"])
@pytest.mark.parametrize("name", ["models/.final.partial", "models/.final.replaced.partial"])
def test_an_unfinished_output_is_left_over_unless_its_lock_is_held(tmp_path, name, holds):
    write(tmp_path / name / "half")
    with ExitStack() as stack:
        if holds:
            stack.enter_context(locks.held(tmp_path / holds))
        assert found(tmp_path) == ([] if holds else [name])
        assert (tmp_path / name).exists() == bool(holds)


@pytest.mark.parametrize(
    "name",
    [
        "data/archives/.cub200.partial",
        "data/features/.cub200_resnet50.partial",
        "plots/.summary.csv.partial",
        ".checkpoints/models/.final.npz.partial",
    ],
)
def test_unfinished_outputs_are_found_beside_every_output_and_checkpoint(tmp_path, name):
    write(tmp_path / name)
    assert found(tmp_path) == [name]


@pytest.mark.parametrize("is_held", [True, False])
@pytest.mark.parametrize(
    "name", ["models/.final.lock", ".checkpoints/models/final.lock", ".downloads/.a.tgz.lock"]
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
        *(".checkpoints/models/final.npz", ".checkpoints/models/former.npz"),  # a training resumes from there
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
