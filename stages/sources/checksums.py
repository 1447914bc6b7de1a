"""The SHA256SUMS of a mirror folder, by which it vouches for files that are not the publisher's."""

import re
from pathlib import Path

from stages.runtime.errors import InputError

CHECKSUMS = "SHA256SUMS"
_GENERATED = "# generated"
_LINE = re.compile(r"(?P<digest>[0-9a-fA-F]{64}) [ *](?:\./)?(?P<name>.+)")


def read_checksums(path: Path) -> dict[str, str]:
    """Reads a SHA256SUMS file, as `sha256sum` writes it, into file name -> hexadecimal hash.

    The last line for a name counts, as a line is appended for each new version of a file. Lines that begin
    with # are comments.

    Raises:
        InputError: a line that is not a hash, two spaces (or ` *`) and a name.
    """
    checksums = {}
    for number, line in enumerate(_lines(path), start=1):
        found = _LINE.fullmatch(line)
        if found:
            checksums[found["name"]] = found["digest"].lower()
        elif line.strip() and not line.startswith("#"):
            raise InputError(f"{path}, line {number}: received {line[:200]!r}, expected '<sha256>  <name>'")
    return checksums


def is_generated(path: Path) -> bool:
    """Returns whether the first line of a SHA256SUMS file says that the files are generated, as in a demo."""
    return _lines(path)[:1] == [_GENERATED]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
