"""What a pseudo-terminal has shown."""

import os
from contextlib import suppress


def read_all(terminal: int) -> str:
    """Returns all that was written to a terminal whose other end is closed, and closes this one.

    One read returns any part of it; after the last, Linux raises an error.
    """
    shown = b""
    with suppress(OSError):
        while part := os.read(terminal, 100_000):
            shown += part
    os.close(terminal)
    return shown.decode()
