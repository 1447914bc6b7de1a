"""A new git and DVC project with a copy of this one's code and pipeline."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.runtime.atomic import replacing
from stages.runtime.errors import InputError
from stages.runtime.modules import ROOT

PROJECT = (
    *("stages", "dvc_parallel", "dvc.yaml", "params.yaml", "params.schema.json", "report.yaml", ".dvcignore"),
    *(".gitattributes", ".gitignore", ".dvc/config", ".dvc/.gitignore", ".dvc/plots"),
)


@contextmanager
def founded(folder: Path, message: str) -> Iterator[Path]:
    """Yields an unfinished project to change, which becomes `folder` and its first commit.

    Args:
        folder: must not exist.
        message: of the commit.
    """
    with replacing(folder) as partial:
        partial.mkdir()
        for name in PROJECT:
            copy(ROOT / name, partial / name)
        yield partial
        call(["git", "init", "--quiet"], partial)
        commit(partial, message)


def commit(folder: Path, message: str) -> None:
    """Commits all that git does not ignore, if anything changed; names an author if git knows none."""
    call(["git", "add", "--all"], folder)
    if subprocess.run(["git", "diff", "--cached", "--quiet"], cwd=folder).returncode:
        known = subprocess.run(["git", "config", "user.email"], cwd=folder, capture_output=True)
        nobody = ["-c", "user.name=study", "-c", "user.email=study@localhost"] if known.returncode else []
        call(["git", *nobody, "commit", "--quiet", "--message", message], folder)


def copy(source: Path, target: Path) -> None:
    """Copies a file or a folder of the project, without tests and compiled Python."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    else:
        shutil.copy(source, target)


def call(command: list[str], folder: Path) -> None:
    """Runs a command in a folder.

    Raises:
        InputError: there is no such command.
    """
    try:
        subprocess.run(command, cwd=folder, check=True)
    except FileNotFoundError:
        raise InputError(f"{command[0]} is not installed; the new folder is a {command[0]} project") from None
