"""Files that appear whole or not at all, and the lock that one run of a project holds."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc_parallel.errors import UserError

RUN = Path(".dvc", "tmp", "run")  # what the runner notes, in the project's folder


def write(path: Path, text: str) -> None:
    """Writes a file under another name, then renames it, so that no kill or full disk leaves half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def only_run(path: Path = RUN / ".run.lock") -> Iterator[None]:
    """Holds the lock of a project's run, which ends with its process.

    Raises:
        UserError: another run holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(
                f"process {file.read()} runs stages here already; wait for its end, or end it by Ctrl-C"
            ) from None
        file.truncate(0)
        print(os.getpid(), end="", file=file, flush=True)
        yield
