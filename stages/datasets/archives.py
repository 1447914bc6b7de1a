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
    """What an archive may hold: members, and bytes of one member, of one header, of all headers, of all."""

    members: int = 100_000
    member_bytes: int = 256 << 20  # CIFAR-100's `train` has 155 MB
    header_bytes: int = 64 << 10
    headers_bytes: int = 64 << 20  # the birds have 6,033 members of 0.5 to 1.5 kB
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
        with gzip.open(archive) as unpacked:
            headers = _Headers(archive, unpacked, limits)
            with tarfile.open(fileobj=headers, mode="r:") as tar:
                for number, member in enumerate(tar):
                    name = _checked_name(archive, member, number, limits)
                    if member.isdir() or _is_side_file(name) or not is_expected(name):
                        continue
                    if name in seen:
                        raise InputError(f"{archive}: member {name!r} is there twice")
                    seen.add(name)
                    yield name, _content(archive, unpacked, member)
            _check_end(archive, headers.latest, unpacked, limits)
    except FileNotFoundError:
        raise InputError(f"no {archive}; fetch it with `dvc repro` or `python -m stages.download`") from None
    except (
        *(EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError),
        *(ValueError, OverflowError, RecursionError),  # of `tarfile`, where a header says nonsense
    ) as error:
        raise InputError(_damaged(archive, str(error))) from None


class _Headers:
    """The unpacked bytes of an archive as `tarfile` sees them, which reads nothing but headers of it."""

    latest = b""

    def __init__(self, archive: Path, file: BinaryIO, limits: Limits):
        self._archive, self._file, self._limits, self._read = archive, file, limits, 0

    def read(self, size: int) -> bytes:
        # A header may announce a name of gigabytes: refused before memory is taken for it.
        self._read += size
        limits, problem = self._limits, None
        if not 0 <= size <= limits.header_bytes:
            problem = f"has a header of {size} bytes, expected at most {limits.header_bytes}"
        elif self._read > limits.headers_bytes:
            problem = f"has more than {limits.headers_bytes} bytes of headers"
        elif self._file.tell() + size > limits.total_bytes:
            problem = f"unpacks to more than {limits.total_bytes} bytes"
        if problem:
            raise InputError(f"{self._archive} {problem}; do not use this archive")
        self.latest = self._file.read(size)
        return self.latest

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
    elif not 0 <= member.size <= limits.member_bytes:  # a negative size would lead back, round and round
        problem = f"has {member.size} bytes, expected at most {limits.member_bytes}"
    if problem:
        raise InputError(f"{archive}: member {member.name[:200]!r} {problem}; do not use this archive")
    return posixpath.normpath(member.name)


def _is_side_file(name: str) -> bool:
    return any(part.startswith("._") for part in name.split("/"))


def _content(archive: Path, unpacked: BinaryIO, member: tarfile.TarInfo) -> bytes:
    unpacked.seek(member.offset_data)
    content = unpacked.read(member.size)
    if len(content) != member.size:
        raise InputError(_damaged(archive, f"{member.name[:200]!r} is cut off"))
    return content


def _check_end(archive: Path, last_header: bytes, unpacked: BinaryIO, limits: Limits) -> None:
    """Refuses an archive that ends in anything but zeros, since `tarfile` takes a damaged header for the end.

    Reading to the end also compares gzip's own checksum.
    """
    is_end, piece = bool(last_header), last_header
    while is_end and piece:
        is_end = not any(piece) and unpacked.tell() <= limits.total_bytes
        piece = unpacked.read(1 << 16)
    if not is_end:
        raise InputError(_damaged(archive, "its last member is not followed by the end mark alone"))


def _damaged(archive: Path, problem: str) -> str:
    return f"{archive} is damaged or no .tar.gz ({problem}); fetch it again"
