"""Hashes of pictures, and the SHA256SUMS of a mirror folder."""

import hashlib
import re
from pathlib import Path

import numpy as np

from stages.errors import InputError

CHUNK_BYTES = 1 << 20
_LINE = re.compile(r"(?P<digest>[0-9a-fA-F]{64}) [ *](?:\./)?(?P<name>.+)")


def pixel_hash(image: np.ndarray) -> str:
    """Returns the SHA-256 of one picture's pixels.

    Args:
        image: uint8[size, size, 3]; pictures compared with each other have one size.
    """
    return hashlib.sha256(np.ascontiguousarray(image)).hexdigest()


def read_checksums(path: Path) -> dict[str, str]:
    """Reads a SHA256SUMS file, as `sha256sum` writes it, into file name -> hexadecimal hash.

    The last line of a name counts, since a line is appended for a new version of a file.

    Raises:
        InputError: a line that is not a hash, two spaces (or ` *`) and a name.
    """
    checksums = {}
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        found = _LINE.fullmatch(line)
        if found:
            checksums[found["name"]] = found["digest"].lower()
        elif line.strip():
            raise InputError(f"{path}, line {number}: {line[:200]!r} is not '<sha256>  <name>'")
    return checksums
