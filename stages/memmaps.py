"""Arrays larger than memory should hold, as files."""

import os
from pathlib import Path
from typing import Any

import numpy as np


def create(path: Path, dtype: Any, shape: tuple[int, ...]) -> np.memmap:
    """Creates a .npy file to write into, with its room on the disk.

    Without the room, a disk that fills up later kills the process by SIGBUS, with no message.

    Args:
        path: of the file.
        dtype: of the array.
        shape: of the array.

    Raises:
        OSError: the disk has no room for it.
    """
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    if hasattr(os, "posix_fallocate"):  # macOS has none
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array
