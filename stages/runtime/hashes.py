"""Hashes of files, and whether files are still as they were written."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from stages.runtime.errors import InputError


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """Returns the hexadecimal hash of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def check_files(folder: Path, hashes: Mapping[str, str]) -> None:
    """Checks that files are as their stage wrote them; DVC hands out damaged cache objects unnoticed.

    Args:
        folder: of the files.
        hashes: file name -> SHA-256.

    Raises:
        FileNotFoundError: a file is missing.
        InputError: a file has other bytes.
    """
    for name, expected in hashes.items():
        received = file_hash(folder / name)
        if received != expected:
            raise InputError(
                f"{folder / name} has sha256 {received[:12]}..., but its stage wrote {expected[:12]}...;"
                " run `python -m stages.verify --repair`, then `dvc repro`"
            )
