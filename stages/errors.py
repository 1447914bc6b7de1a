"""How a command answers a user's mistake or a machine's trouble: one message, exit code 1, no traceback."""

import errno
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable

from stages import interruptions

_ROOM = "make room on the disk, then run again: what was finished is kept"
_RIGHTS = "change its permissions or its owner, then run again"
_REMEDIES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: _ROOM,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "run in a folder that can be written to",
    errno.EIO: "the disk is failing or was unplugged",
}
# TensorFlow's and PyTorch's; JAX says RESOURCE_EXHAUSTED. Named, as most commands import none of them.
_OUT_OF_MEMORY = ("MemoryError", "_ArrayMemoryError", "ResourceExhaustedError", "OutOfMemoryError")


# What readers of JSON, NumPy, zip and HDF5 raise, depending on what is damaged.
DAMAGE = (
    *(ValueError, TypeError, LookupError, AttributeError, RuntimeError, ImportError, OSError, EOFError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


class InputError(Exception):
    """A mistake in what the user gave: says what was received, what was expected and what to do."""


def run(main: Callable[[], None]) -> None:
    """Runs a command's `main`; a mistake becomes one message on stderr and exit code 1.

    A mistake is an `InputError`, or a file that is not there yet. So is a disk that is full or may not be
    written to, and a lack of memory. Ctrl-C and SIGTERM end quietly with 130 and 143.
    """
    interruptions.handle()
    try:
        main()
    except Exception as error:
        if interruptions.exit_code():
            sys.exit(interruptions.exit_code())
        message = _message(error)
        if message is None:
            raise
        sys.exit(f"error: {message}")


def _message(error: Exception) -> str | None:
    """Returns what to say of a mistake, or of trouble with disk or memory; None for a mistake of ours."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return f"no file {error.filename}; `dvc repro` makes what is missing, in the right order"
    if type(error).__name__ in _OUT_OF_MEMORY or "RESOURCE_EXHAUSTED" in str(error):
        what = str(error).partition(" on /job")[0].rpartition("}} ")[2]
        return f"out of memory ({what}); lower batch_size in params.yaml, or end other programs"
    if not isinstance(error, OSError) or _errno(error) not in _REMEDIES:
        return None
    place = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{place}; {_REMEDIES[_errno(error)]}"


def _errno(error: OSError) -> int | None:
    """Returns the reason's number; NumPy's `tofile` gives none where a disk is full."""
    if error.errno is None and "requested and" in str(error):
        return errno.ENOSPC
    return error.errno
