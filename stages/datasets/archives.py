"""Tar archives, read member by member: nothing is ever extracted.

A hash vouches for what an archive holds, so it is enough to take regular files of exactly the expected names,
up to a size, and to say what was found where they are missing.
"""

import posixpath
import tarfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

from stages.runtime.errors import InputError, some

MAX_BYTES = 256 << 20  # CIFAR-100's `train` has 155 MB


def read_members(
    archive: Path, expected: Collection[str], *, optional: Collection[str] = (), max_bytes: int = MAX_BYTES
) -> Iterator[tuple[str, bytes]]:
    """Yields name and content of the expected files of a .tar.gz, in the archive's order; skips all others.

    Args:
        archive: the file.
        expected: names that must be there, such as lists/train.txt.
        optional: names that may be there.
        max_bytes: no member may be larger.

    Raises:
        InputError: the archive is missing, damaged or of another kind, or an expected file is not in it.
    """
    missing, wanted, found = set(expected), {*expected, *optional}, []
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = posixpath.normpath(member.name)
                found.append(name)
                if name not in wanted:
                    continue
                content = tar.extractfile(member) if member.isreg() and member.size <= max_bytes else None
                if content is None:
                    raise InputError(f"{archive}: {name} must be a regular file of at most {max_bytes} bytes")
                wanted.remove(name)
                missing.discard(name)
                yield name, content.read()
            while tar.fileobj.read(1 << 20):  # to the end, where gzip keeps its checksum
                pass
    except FileNotFoundError:
        raise InputError(f"{archive} not found; `dvc repro` downloads it") from None
    except (tarfile.TarError, EOFError, zlib.error, ValueError, OSError) as error:
        raise InputError(f"{archive} is {_kind(archive)}, expected a whole .tar.gz ({error})") from None
    if missing:
        raise InputError(
            f"{archive} lacks {_some(missing)}; found {len(found)} members: {_some(found)}."
            " Is it another edition, or packed inside another folder?"
        )


def _kind(archive: Path) -> str:
    """Says what a file is that cannot be read as an archive."""
    with archive.open("rb") as file:
        start = file.read(512).lstrip()
    kinds = {b"PK": "a zip archive", b"\x1f\x8b": "damaged or cut off", b"<": "a web page"}
    return next((kind for magic, kind in kinds.items() if start.startswith(magic)), "damaged or no archive")


def _some(names: Collection[str]) -> str:
    return some([repr(name[:200]) for name in sorted(names)]) or "none"
