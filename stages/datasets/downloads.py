"""Which bytes a study starts from: mirror folder or download, official or stand-in.

A file whose bytes hash to what its publisher's hash to is `official`. Other bytes are accepted only from a
mirror folder that vouches for them in its own SHA256SUMS; they are a `stand-in`, and everything made from
them says so. Either way `provenance.json` is written beside the files.
"""

import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages import atomic
from stages.datasets.hashes import CHUNK_BYTES, read_checksums
from stages.datasets.transfers import Patience, TransferError, transfer
from stages.errors import InputError
from stages.hashes import file_hash
from stages.parameters import Mistake, refuse, shown
from stages.sources import PROVENANCE
from stages.values import check, check_keys, mapping

CHECKSUMS = "SHA256SUMS"
SOURCES = ("cifar100", "cub200", "resnet50")
_DIGITS = {"sha256": 64, "md5": 32}


@dataclass(frozen=True)
class SourceFile:
    """One file as params.yaml describes it: `hash` is `sha256:...` or `md5:...` of the official bytes."""

    name: str
    bytes: int
    hash: str
    urls: tuple[str, ...]
    instead: str | None = None

    @property
    def algorithm(self) -> str:
        """The name of the official hash: sha256 or md5."""
        return self.hash.partition(":")[0]

    @property
    def digest(self) -> str:
        """The official hash in hexadecimal."""
        return self.hash.partition(":")[2]


def mistakes(parameters: Mapping[str, Any], sources: Collection[str] = SOURCES) -> Iterator[Mistake]:
    """Yields every mistake in `mirror` and in the entries of these sources."""
    yield from check(("mirror",), parameters.get("mirror", ""), str)
    section = mapping(parameters.get("sources"))
    yield from check_keys(("sources",), parameters.get("sources", {}), sources, SOURCES)
    for source in sources:
        place, files = ("sources", source), section.get(source)
        if source in section and not mapping(files):
            yield Mistake(place, f"is {shown(files)}, expected files by their official names")
        for name, entry in mapping(files).items():
            yield from _check_file((*place, name), entry)


def source_files(source: str, parameters: Mapping[str, Any]) -> list[SourceFile]:
    """Reads the files of one source from params.yaml.

    Raises:
        InputError: names every mistake in them, one line each.
    """
    refuse(mistakes(parameters, [source]))
    files = parameters["sources"][source]
    return [
        SourceFile(name, entry["bytes"], _hash(entry), tuple(entry["urls"]), entry.get("instead"))
        for name, entry in files.items()
    ]


def fetch(
    files: list[SourceFile], out: Path, *, mirror: Path | None, kept: Path, patience: Patience | None = None
) -> dict[str, dict[str, Any]]:
    """Puts `files` and their provenance.json into the folder `out`, which appears whole or not at all.

    Args:
        files: what to fetch.
        out: the folder to make.
        mirror: a folder looked into first; None for none.
        kept: where partial and verified downloads stay, so that a later run goes on from them.
        patience: how long to wait for servers.

    Returns:
        Per file name its kind (official or stand-in), bytes, sha256, official hash and a note.

    Raises:
        InputError: a file is in neither place, or its bytes are neither official nor vouched for.
    """
    if mirror is not None and not mirror.is_dir():
        raise InputError(f"mirror {str(mirror)!r} is no folder; name one in DATA_MIRROR")
    provenance = {}
    with atomic.replacing(out) as partial:
        partial.mkdir()
        for file in files:
            name = _name_in(mirror, file)
            if mirror is not None and name is not None:
                provenance[name] = _from_mirror(file, name, mirror, partial)
            else:
                provenance[file.name] = _from_network(file, mirror, kept, partial, patience or Patience())
        atomic.write_json(partial / PROVENANCE, provenance)
    return provenance


def _hash(entry: Mapping[str, Any]) -> str:
    return next(f"{kind}:{entry[kind]}" for kind in _DIGITS if kind in entry)


def _check_file(place: tuple[Any, ...], entry: Any) -> Iterator[Mistake]:
    """Checks one file of a source: its name, size, hash and addresses."""
    yield from _check_file_name(place, place[-1])
    yield from check_keys(place, entry, ("bytes", "urls"), (*_DIGITS, "instead"))
    entry = mapping(entry)
    if "bytes" in entry:
        yield from check((*place, "bytes"), entry["bytes"], range(1, 1 << 40))
    kinds = [kind for kind in _DIGITS if kind in entry]
    if entry and not kinds:
        yield Mistake(place, f"lacks the hash of the official file: {' or '.join(_DIGITS)}")
    for kind in kinds:
        digits, length = entry[kind], _DIGITS[kind]
        if not isinstance(digits, str) or not re.fullmatch(rf"[0-9a-f]{{{length}}}", digits):
            yield Mistake(
                (*place, kind), f"is {shown(digits)}, expected {length} digits from 0-9 and a-f, in quotes"
            )
    if "urls" in entry:
        yield from _check_urls((*place, "urls"), entry["urls"])
    if "instead" in entry:
        yield from _check_file_name((*place, "instead"), entry["instead"])


def _check_file_name(place: tuple[Any, ...], name: Any) -> Iterator[Mistake]:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", name):
        yield Mistake(place, "is no plain file name: letters, digits, _ . and - only, not . or - first")


def _check_urls(place: tuple[Any, ...], urls: Any) -> Iterator[Mistake]:
    if not isinstance(urls, list) or not urls:
        yield Mistake(place, f"is {shown(urls)}, expected a list of addresses")
        return
    for number, url in enumerate(urls):
        if not isinstance(url, str) or not re.fullmatch(r"https?://[^\s/]+\S*", url):
            yield Mistake((*place, number), f"is {shown(url)}, expected an address such as https://host/file")


def _name_in(mirror: Path | None, file: SourceFile) -> str | None:
    """Returns the name under which a mirror holds the file or what may be used instead of it."""
    for name in (file.name, file.instead):
        if mirror is None or name is None or not os.path.lexists(mirror / name):
            continue
        if not (mirror / name).is_file():
            raise InputError(f"{mirror / name} is a folder or a link to nothing, expected a file; remove it")
        return name
    return None


def _from_mirror(file: SourceFile, name: str, mirror: Path, folder: Path) -> dict[str, Any]:
    # Copied, never linked: DVC makes what it caches read-only, and a mirror is not ours to change.
    digests = _copy(mirror / name, folder / name, {"sha256", file.algorithm})
    size = (folder / name).stat().st_size
    if digests[file.algorithm] == file.digest:
        return _record(file, "official", size, digests["sha256"], note="the publisher's bytes")
    sums = mirror / CHECKSUMS
    listed = read_checksums(sums).get(name) if sums.is_file() else None
    if listed != digests["sha256"]:
        raise InputError(_not_vouched_for(file, name, size, digests["sha256"], listed))
    note = "other bytes than the publisher's, vouched for by the mirror's SHA256SUMS"
    if name != file.name:
        note = f"used instead of {file.name}, vouched for by the mirror's SHA256SUMS"
    return _record(file, "stand-in", size, digests["sha256"], note=note)


def _not_vouched_for(file: SourceFile, name: str, size: int, digest: str, listed: str | None) -> str:
    what = "does not list it" if listed is None else f"lists it with another hash (sha256:{listed})"
    return (
        f"{name} in the mirror has {size} bytes, sha256:{digest}; the official {file.name} has"
        f" {file.bytes} bytes, {file.hash}, and the mirror's {CHECKSUMS} {what}\n"
        f"Take the official file, or use this one as a stand-in: `sha256sum {name} >> {CHECKSUMS}` there."
    )


def _from_network(
    file: SourceFile, mirror: Path | None, kept: Path, folder: Path, patience: Patience
) -> dict[str, Any]:
    # The hash is in the name: what was begun for other official bytes is never gone on with.
    verified = kept / f"{file.digest[:12]}-{file.name}"
    try:
        transfer(file.urls, verified, size=file.bytes, hash=file.hash, patience=patience)
    except TransferError as error:
        place = "a folder and name that in DATA_MIRROR" if mirror is None else f"the mirror folder {mirror}"
        raise InputError(
            f"cannot download {file.name} ({file.bytes} bytes, {file.hash}) from {error};"
            f" run again to go on where it stopped, or put the file into {place}"
        ) from None
    atomic.link(verified, folder / file.name)
    return _record(file, "official", file.bytes, file_hash(verified), note="the publisher's bytes")


def _record(file: SourceFile, kind: str, size: int, sha256: str, *, note: str) -> dict[str, Any]:
    return {"kind": kind, "bytes": size, "sha256": sha256, "official": file.hash, "note": note}


def _copy(source: Path, target: Path, algorithms: set[str]) -> dict[str, str]:
    """Copies a file and returns the hashes of just the bytes it copied."""
    hashers = {algorithm: hashlib.new(algorithm) for algorithm in algorithms}
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK_BYTES):
            writer.write(chunk)
            for hasher in hashers.values():
                hasher.update(chunk)
    return {algorithm: hasher.hexdigest() for algorithm, hasher in hashers.items()}
