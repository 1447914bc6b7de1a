"""How verify hashes, and that a check that fails removes nothing; with DVC itself in test_verify.py."""

import errno
import os
from pathlib import Path

import pytest
from commands import ROOT, succeed

from stages.workspace import outputs
from stages.workspace.lockfile import Out
from stages.workspace.outputs import Workspace

CACHE = Path(".dvc/cache/files/md5")
ODD = ("é ü.txt", "b/a", "b.c", "b-d", ".x.lock", ".y.partial", "b/z.pyc", "__pycache__/a")
LEFT = (".DS_Store", "b/Thumbs.db", ".ipynb_checkpoints/a.txt", "a~")


def test_folders_are_hashed_as_dvc_does_without_what_editors_and_file_managers_leave(tmp_path):
    succeed(tmp_path, "dvc", "init", "-q", "--no-scm")
    (tmp_path / ".dvcignore").write_bytes((ROOT / ".dvcignore").read_bytes())

    def md5():
        succeed(tmp_path, "dvc", "add", "-q", "--no-commit", "odd")
        hashed = Workspace(tmp_path, CACHE, {}).md5(Path("odd"))
        assert f"md5: {hashed}\n" in (tmp_path / "odd.dvc").read_text()
        return hashed

    for name in ODD:
        (tmp_path / "odd" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "odd" / name).write_text(name)
    before = md5()
    for name in LEFT:
        (tmp_path / "odd" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "odd" / name).write_text(name)
    (tmp_path / "odd/.#base_net.py").symlink_to("me@host.1")  # an unsaved buffer of Emacs
    assert md5() == before
    (tmp_path / "odd/b/a").write_text("edited")
    assert md5() != before


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EMFILE, "Too many open files", "x"), "[Errno 24] Too many open files: 'x'"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), "[Errno 13] Permission denied: 'x'"),
        (MemoryError(), "MemoryError"),
        (KeyError("a key of a newer version"), "'a key of a newer version'"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_cannot_be_read_is_reported_and_the_rest_is_checked(tmp_path, monkeypatch, error, reason):
    original = outputs.file_hash

    def file_hash(path, algorithm):
        if path.name == "unreadable":
            raise error
        return original(path, algorithm)

    monkeypatch.setattr(outputs, "file_hash", file_hash)
    names = ("unreadable", "edited", f"{CACHE}/ab/unreadable", f"{CACHE}/ab/edited")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / f"{CACHE}/ab/unreadable").rename(tmp_path / f"{CACHE}/ab/0")
    outs = {Path(name): Out(Path(name), "train", "0" * 32) for name in names[:2]}
    found = list(outputs.wrong(Workspace(tmp_path, CACHE, outs)))
    assert str(found[0]) == f"unreadable could not be checked: {reason}; nothing was removed"
    assert [(str(f.place), f.repair is not None) for f in found] == [("unreadable", False), ("edited", True)]


def test_a_folder_that_cannot_be_listed_is_no_empty_folder(tmp_path, monkeypatch):
    (tmp_path / "models/final").mkdir(parents=True)

    def scandir(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", scandir)
    outs = {Path("models/final"): Out(Path("models/final"), "train", "0" * 32 + ".dir")}
    (finding,) = outputs.wrong(Workspace(tmp_path, CACHE, outs))
    assert finding.problem.startswith("could not be checked: [Errno 13] Permission denied")
    assert finding.repair is None
