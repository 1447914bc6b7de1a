"""How a command answers a user's mistake or a machine's trouble: one message, exit code 1, no traceback."""

import errno
import sys
from collections.abc import Callable

from stages import interruptions

_ROOM = "free some, then run again: what was finished is kept"
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
    except InputError as error:
        sys.exit(f"error: {error}")
    except FileNotFoundError as error:
        sys.exit(f"error: no file {error.filename}; `dvc repro` makes what is missing, in the right order")
    except MemoryError as error:
        what = str(error) or "no more can be allocated"
        sys.exit(f"error: out of memory: {what}; lower batch_size in params.yaml, or end other programs")
    except OSError as error:
        remedy = _REMEDIES.get(_errno(error))
        if remedy is None:
            raise
        place = f": {error.filename}" if error.filename else ""
        sys.exit(f"error: {error.strerror or error}{place}; {remedy}")


def _errno(error: OSError) -> int | None:
    """Returns the reason's number; NumPy's `tofile` gives none where a disk is full."""
    if error.errno is None and "requested and" in str(error):
        return errno.ENOSPC
    return error.errno
