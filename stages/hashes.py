"""Hashes of files, and whether files are still those that were written."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from stages.errors import InputError


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """Returns the hexadecimal hash of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def check_files(folder: Path, hashes: Mapping[str, str]) -> None:
    """Checks that files are those their stage wrote; DVC hands out a damaged object of its cache.

    Args:
        folder: that holds them.
        hashes: SHA-256 by file name.

    Raises:
        InputError: a file is missing or has other bytes.
    """
    for name, expected in hashes.items():
        received = file_hash(folder / name)
        if received != expected:
            raise InputError(
                f"{folder / name} has sha256 {received[:12]}..., its stage wrote {expected[:12]}...;"
                " `python -m stages.verify --repair`, then `dvc repro`"
            )
