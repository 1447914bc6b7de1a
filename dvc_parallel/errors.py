"""Mistakes of the user and trouble with the machine: one message and exit code 1, without traceback."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

EX_PIPE = 141  # what a shell says of a command that SIGPIPE has ended
_ROOM = "free some disk space and rerun; finished work is kept"
_RIGHTS = "change its permissions or its owner, then rerun"
_REMEDIES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "run in a writable folder",
    errno.EIO: "the disk is failing or was unplugged",
}


class UserError(Exception):
    """A user's mistake; the message says what was received, what was expected and what to do."""


@contextmanager
def reported() -> Iterator[None]:
    """Ends the process with one message for an expected error; quietly where its reader has left."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python's end would fail again
        sys.exit(EX_PIPE)
    except Exception as error:
        message = describe(error)
        if message is None:
            raise
        sys.exit(f"error: {message}")


def describe(error: Exception) -> str | None:
    """Returns the message for an expected error; None for a bug."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, UnicodeEncodeError) and error.encoding == "utf-8":  # says DVC of a file it hashes
        name = ascii(error.object[:500].encode(errors="surrogateescape"))[2:-1]
        return f"{name} has a name that is not UTF-8; rename it"
    if isinstance(error, OSError) and error.errno in _REMEDIES:
        place = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{place}; {_REMEDIES[error.errno]}"
    return None
