"""JSON and arrays that stages wrote, opened for comparison."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from stages.errors import InputError


def read(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        InputError: not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path.name} is no JSON ({error})") from None


def array(path: Path) -> np.ndarray:
    """Opens an array as it lies on the disk, so that memory does not grow with it.

    Raises:
        InputError: it is no .npy file, or is cut off.
    """
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except (ValueError, EOFError) as error:
        raise InputError(f"{path.name} is no readable array ({error})") from None


def shape_problem(path: Path, dtype: str, shape: tuple[int, ...]) -> str | None:
    """Says what is wrong with an array's dtype or shape."""
    opened = array(path)
    if (opened.dtype, opened.shape) != (np.dtype(dtype), shape):
        return f"holds {path.name} as {opened.dtype}{list(opened.shape)}, expected {dtype}{list(shape)}"
    return None
