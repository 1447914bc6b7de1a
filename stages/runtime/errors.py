"""Mistakes of the user and trouble with the machine: one message and exit code 1, without traceback."""

import errno
import io
import os
import select
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from stages.runtime import signals

EX_PIPE = 141  # what a shell says of a command that SIGPIPE has ended
OUTPUTS = ("data", "models", "metrics", "plots")  # the folders of what stages make
_ROOM = "free some disk space and rerun; finished work is kept"
_RIGHTS = "change its permissions or its owner, then rerun"
_REMEDIES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "the file system, or `ulimit -f`, allows no file of this size",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "run in a writable folder",
    errno.EIO: "the disk is failing or was unplugged",
}
# By name, as most commands import neither TensorFlow nor PyTorch; JAX says RESOURCE_EXHAUSTED.
_OUT_OF_MEMORY = ("MemoryError", "_ArrayMemoryError", "ResourceExhaustedError", "OutOfMemoryError")

# What readers of JSON, NumPy, zip and HDF5 raise, depending on what is damaged.
DAMAGE = (
    *(ValueError, TypeError, LookupError, AttributeError, RuntimeError, ImportError, OSError, EOFError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


class InputError(Exception):
    """A user's mistake; the message says what was received, what was expected and what to do."""


def some(texts: Sequence[str], most: int = 3, between: str = ", ") -> str:
    """Returns the first of several texts, and how many more there are."""
    more = [f"and {len(texts) - most} more"] if len(texts) > most else []
    return between.join((*texts[:most], *more))


def run(main: Callable[[], None]) -> None:
    """Runs a command's `main`; an expected error becomes one message on stderr and exit code 1.

    Expected are `InputError`, a missing file, what a disk refuses, a name that is not UTF-8 and a lack of
    memory; others are bugs and keep their traceback. Ctrl-C, SIGTERM and a closed terminal end quietly with
    130, 143 and 129, and a reader that has had enough, such as `head`, with 141. Streams may be closed from
    the start.
    """
    signals.handle()
    _prepare_streams()
    try:
        try:
            main()
        finally:
            sys.stdout.flush()  # here, as a failure at the end of the process would be printed
    except Exception as error:
        if signals.exit_code():
            sys.exit(signals.exit_code())
        if isinstance(error, BrokenPipeError) and _silence_broken():
            sys.exit(EX_PIPE)
        message = describe(error)
        if message is None:
            raise
        sys.exit("\n".join(map(printable, f"error: {message}".split("\n"))))


def describe(error: Exception) -> str | None:
    """Returns the message for an expected error; None for a bug."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return _missing(error.filename)
    if isinstance(error, UnicodeEncodeError) and error.encoding == "utf-8":  # from DVC, of a file it hashes
        return f"{printable(error.object[:500])} has a name that is not UTF-8; rename it"
    if type(error).__name__ in _OUT_OF_MEMORY or "RESOURCE_EXHAUSTED" in str(error):
        what = str(error).partition(" on /job")[0].rpartition("}} ")[2]
        return f"out of memory ({what}); lower batch_size in params.yaml, or close other programs"
    if not isinstance(error, OSError) or _errno(error) not in _REMEDIES:
        return None
    place = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{place}; {_REMEDIES[_errno(error)]}"


def _prepare_streams() -> None:
    """Opens what was closed, before another file takes its number; lets any encoding show any text."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 (for the whole process)
        stream = getattr(sys, name)
        if mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence_broken() -> bool:
    """Discards what is written to stdout and stderr if their reader has left; returns whether one has."""
    poll = select.poll()
    for number in (1, 2):
        poll.register(number, 0)
    left = [number for number, event in poll.poll(0) if event & select.POLLERR]
    for number in left:
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    return bool(left)


def printable(text: str | bytes) -> str:
    """Returns a name that can be shown: what is not UTF-8 or controls a terminal is escaped."""
    whole = os.fsencode(text).decode(errors="backslashreplace")
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in whole)


def _missing(name: str | bytes | None) -> str:
    """Returns the message for a file that is not there; `dvc repro` helps only where a stage makes it."""
    place = printable(name or "a file")
    if Path(os.path.relpath(place)).parts[0] in OUTPUTS:
        return f"{place} does not exist; `dvc repro` creates what is missing, in the right order"
    if os.path.islink(place):
        return f"{place} is a link to {os.readlink(place)}, which does not exist; mend or remove the link"
    return f"{place} does not exist, and no stage makes it; put it there, or correct its name"


def _errno(error: OSError) -> int | None:
    """Returns the error's number; NumPy's `tofile` gives none if the disk is full."""
    if error.errno is None and "requested and" in str(error):
        return errno.ENOSPC
    return error.errno
