"""A workspace as an inspection sees it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import small_study

from stages.errors import InputError
from stages.inspection import workspaces
from stages.inspection.workspaces import RWLOCK, Workspace, opened, running


def test_a_hard_link_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("content")
    os.link(tmp_path / "a", tmp_path / "b")
    read = []
    monkeypatch.setattr(workspaces, "file_hash", lambda path, algorithm: read.append(path) or algorithm)
    workspace = Workspace(tmp_path, {})
    for name in ("a", "b"):
        assert workspace.hash(Path(name)) == "sha256"
        assert workspace.hash(Path(name), "md5") == "md5"
    assert [path.name for path in read] == ["a", "a"]


def test_a_pipeline_that_dvc_cannot_read_is_told_in_its_words(tmp_path: Path) -> None:
    small_study.write(tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {a: {}}\n")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    with pytest.raises(InputError, match=r"DVC cannot read the pipeline:\n.*dvc\.yaml' validation failed"):
        opened(tmp_path, {})


def write_rwlock(root: Path, content: object) -> None:
    (root / RWLOCK).parent.mkdir(parents=True, exist_ok=True)
    (root / RWLOCK).write_text(json.dumps(content))


def test_a_living_dvc_is_seen_and_a_dead_one_is_not(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    mine, dead = ({"pid": pid, "cmd": "dvc repro"} for pid in (os.getpid(), ended.pid))
    assert running(tmp_path) == []
    write_rwlock(tmp_path, {"write": {"models/a": dead}, "read": {"data/a": [mine, dead], "data/b": [mine]}})
    assert running(tmp_path) == [(os.getpid(), "dvc repro")]
    write_rwlock(tmp_path, {"write": {"models/a": mine}, "read": {}})
    assert running(tmp_path) == [(os.getpid(), "dvc repro")]


@pytest.mark.parametrize("content", [[], {"write": []}, {"write": {"a": {}}}, {"write": {"a": {"pid": "x"}}}])
def test_a_damaged_rwlock_says_of_nobody_that_he_runs(tmp_path: Path, content: object) -> None:
    write_rwlock(tmp_path, content)
    assert running(tmp_path) == []
