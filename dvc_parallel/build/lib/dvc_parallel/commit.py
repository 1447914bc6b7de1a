"""The code that nodes get: the files of the git commit."""

import os
import subprocess
from typing import NamedTuple

from dvc_parallel.errors import UserError
from dvc_parallel.shared import SharedProject


class Commit(NamedTuple):
    """The current commit: its files as a tar archive, and the folder of the project in it."""

    archive: bytes
    folder: str


def committed(project: SharedProject) -> Commit:
    """Returns the commit that holds the files as they are now.

    What stages write, such as metrics, may differ, and so may new files that no stage reads.

    Raises:
        UserError: this is no git repository, or something is not committed.
    """
    folder = _git("rev-parse", "--show-prefix").decode().strip()
    written, read = project.written(), project.read()
    status = _git("status", "--porcelain", "--no-renames", "-z", "--untracked-files=all", ".")
    changed = []
    for entry in filter(None, status.split(b"\0")):
        path = os.path.relpath(os.fsdecode(entry[3:]), folder or ".")
        is_new = entry[:2] == b"??"
        if not _within(path, written) and (not is_new or _within(path, read)):
            changed.append(path)
    if changed:
        more = f" and {len(changed) - 1} more" if changed[1:] else ""
        raise UserError(
            f"{changed[0]}{more} is not committed, but nodes get the files of the commit;"
            " commit it, or put it aside by `git stash`"
        )
    top = _git("rev-parse", "--show-toplevel").decode().removesuffix("\n")
    return Commit(_git("-C", top, "archive", "HEAD"), folder)


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], capture_output=True)
    if done.returncode:
        why = " ".join(done.stderr.decode(errors="replace").split())
        raise UserError(f"nodes get the code as a git commit, but git says: {why}; `git init`, then commit")
    return done.stdout


def _within(path: str, places: set[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)
