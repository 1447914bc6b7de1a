"""Hashes of files and pictures, and the SHA256SUMS of a mirror folder."""

import hashlib
from pathlib import Path

import numpy as np

from stages.errors import InputError

CHUNK_BYTES = 1 << 20


def file_hash(path: Path, algorithm: str = "sha256") -> str:
    """Returns the hexadecimal hash of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def pixel_hash(image: np.ndarray) -> str:
    """Returns the SHA-256 of one picture's pixels.

    Args:
        image: uint8[size, size, 3]; pictures compared with each other have one size.
    """
    return hashlib.sha256(np.ascontiguousarray(image)).hexdigest()


def read_checksums(path: Path) -> dict[str, str]:
    """Reads a SHA256SUMS file, as `sha256sum` writes it, into file name -> hexadecimal hash.

    Raises:
        InputError: a line that is not a hash, two spaces (or ` *`) and a name.
    """
    checksums = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        digest, _, name = line.partition(" ")
        if not line.strip():
            continue
        if (
            len(digest) != 64
            or not set(digest.lower()) <= set("0123456789abcdef")
            or name[:1] not in (" ", "*")
        ):
            raise InputError(f"{path}, line {number}: {line!r} is not '<sha256>  <name>'")
        checksums[name[1:].removeprefix("./")] = digest.lower()
    return checksums
