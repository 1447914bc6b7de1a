"""One process at a time writes an output: file locks that die with their process."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def held(path: Path, writing: Path | None = None) -> Iterator[None]:
    """Holds the lock of this file; while another process holds it, says so and waits.

    A killed `dvc repro` may leave its stage running, so that a second one finds the first still writing.
    The file exists only while a process holds or awaits the lock, or after its holder was killed.

    Args:
        path: of the lock file.
        writing: what the lock protects, as messages name it; by default, NAME of `.NAME.lock`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _locked(path, writing or path.with_name(path.stem.removeprefix(".")))
    try:
        _sign(descriptor)
        yield
    finally:
        path.unlink(missing_ok=True)  # before the lock is released, or a waiter would hold a nameless file
        os.close(descriptor)


def attempt(path: Path) -> int | None:
    """Returns a descriptor that holds the file's lock until it is closed; None if another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    if _take(descriptor):
        _sign(descriptor)
        return descriptor
    os.close(descriptor)
    return None


def is_held(path: Path) -> bool:
    """Returns whether a living process holds the lock of this file."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _take(descriptor)
    finally:
        os.close(descriptor)


def _locked(path: Path, writing: Path) -> int:
    """Returns the descriptor of the file that has this name now, locked."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _take(descriptor):
                holder = os.pread(descriptor, 20, 0).decode() or "?"
                print(
                    f"waiting for process {holder}, which is writing {writing}", file=sys.stderr, flush=True
                )
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):  # its holder removed it meanwhile
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _sign(descriptor: int) -> None:
    """Writes into a locked file which process holds it."""
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def _take(descriptor: int) -> bool:
    """Locks an open file unless another process holds it; returns whether it did."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
