"""Arrays in files, for more data than memory should hold."""

import os
from pathlib import Path
from typing import Any

import numpy as np


def create(path: Path, dtype: Any, shape: tuple[int, ...]) -> np.memmap:
    """Creates a .npy file to write into, with its disk space reserved.

    Otherwise a disk that fills up later kills the process with SIGBUS and no message.

    Raises:
        OSError: the disk has too little space.
    """
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array
