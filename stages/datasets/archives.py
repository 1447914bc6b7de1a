"""Untrusted tar archives: members read one by one, nothing is ever extracted.

`tarfile` follows links, accepts absolute names and unpacks as much as an archive says; so only regular files
of expected names are read, within limits, and anything that has no business in a data set is an error.
"""

import gzip
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from stages.errors import InputError


@dataclass(frozen=True)
class Limits:
    """What an archive may hold: members, bytes of one member, unpacked bytes of the whole."""

    members: int = 100_000
    member_bytes: int = 256 << 20  # CIFAR-100's `train` has 155 MB
    total_bytes: int = 4 << 30


def read_members(
    archive: Path, is_expected: Callable[[str], bool], *, limits: Limits | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yields name and content of the expected files of a .tar.gz, in the archive's order.

    Args:
        archive: the file.
        is_expected: says of a normalised name whether its file is wanted; others are passed over, and so are
            folders and macOS' `._*` side files.
        limits: what the archive may hold.

    Raises:
        InputError: no such file, not a whole .tar.gz, beyond a limit, or with a member that is a link, a
            device, outside the archive's folder, or there twice.
    """
    limits = limits or Limits()
    seen = set()
    try:
        with (
            gzip.open(archive) as unpacked,
            tarfile.open(fileobj=_Bounded(archive, unpacked, limits), mode="r:") as tar,
        ):
            for number, member in enumerate(tar):
                name = _checked_name(archive, member, number, limits)
                if member.isdir() or _is_side_file(name) or not is_expected(name):
                    continue
                if name in seen:
                    raise InputError(f"{archive}: member {name!r} is there twice")
                seen.add(name)
                yield name, _content(archive, tar, member)
            _read_to_end(unpacked, limits)
    except FileNotFoundError:
        raise InputError(f"no {archive}; fetch it with `dvc repro` or `python -m stages.download`") from None
    except (EOFError, OSError, ValueError, RecursionError, zlib.error, tarfile.TarError) as error:
        raise InputError(f"{archive} is damaged or no .tar.gz ({error}); fetch it again") from None


class _Bounded:
    """The unpacked bytes of an archive, of which no more can be read than the limits say."""

    def __init__(self, archive: Path, file: BinaryIO, limits: Limits):
        self._archive, self._file, self._limits = archive, file, limits

    def read(self, size: int) -> bytes:
        # A header may announce a name of gigabytes: refused before memory is taken for it.
        if size > self._limits.member_bytes or self._file.tell() + size > self._limits.total_bytes:
            limit = self._limits.total_bytes
            raise InputError(f"{self._archive} unpacks to more than {limit} bytes; is it the right one?")
        return self._file.read(size)

    def seek(self, position: int) -> int:
        return self._file.seek(position)

    def tell(self) -> int:
        return self._file.tell()


def _checked_name(archive: Path, member: tarfile.TarInfo, number: int, limits: Limits) -> str:
    """Returns a member's normalised name; refuses what no data set needs."""
    problem = None
    if number >= limits.members:
        problem = f"is one of more than {limits.members}"
    elif not (member.isdir() or member.isreg()) or member.issparse():
        problem = "is a link, a device or otherwise no regular file"
    elif member.name.startswith("/") or ".." in member.name.split("/") or "\\" in member.name:
        problem = "lies outside the archive's folder"
    elif member.size > limits.member_bytes:
        problem = f"has {member.size} bytes, expected at most {limits.member_bytes}"
    if problem:
        raise InputError(f"{archive}: member {member.name!r} {problem}; do not use this archive")
    return posixpath.normpath(member.name)


def _is_side_file(name: str) -> bool:
    return any(part.startswith("._") for part in name.split("/"))


def _content(archive: Path, tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = tar.extractfile(member).read()
    if len(content) != member.size:
        raise InputError(f"{archive} is damaged or no .tar.gz ({member.name!r} is cut off); fetch it again")
    return content


def _read_to_end(unpacked: BinaryIO, limits: Limits) -> None:
    """Reads the padding after the last member, so that gzip's own checksum is compared."""
    while unpacked.read(1 << 20):
        if unpacked.tell() > limits.total_bytes:
            break
