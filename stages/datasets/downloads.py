"""Which bytes a study starts from: mirror folder or download, official or stand-in.

A file whose bytes hash to what its publisher's hash to is `official`. Other bytes are accepted only from a
mirror folder that vouches for them in its own SHA256SUMS; they are a `stand-in`, and everything made from
them says so. Either way `provenance.json` is written beside the files.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages import atomic
from stages.datasets.hashes import CHUNK_BYTES, file_hash, read_checksums
from stages.datasets.transfers import Patience, TransferError, transfer
from stages.errors import InputError

PROVENANCE = "provenance.json"
CHECKSUMS = "SHA256SUMS"
_HASH = re.compile(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}")


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


def source_files(source: str, sources: Mapping[str, Any]) -> list[SourceFile]:
    """Reads the files of one source from the `sources` of params.yaml.

    Raises:
        InputError: no such source, or a file without usable name, bytes, hash and urls.
    """
    if source not in sources:
        raise InputError(f"no source {source!r} in params.yaml; sources: {', '.join(sources)}")
    return [_source_file(f"sources.{source}", name, entry) for name, entry in sources[source].items()]


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
                provenance[file.name] = _from_network(file, kept, partial, patience or Patience())
        atomic.write_json(partial / PROVENANCE, provenance)
    return provenance


def _hash(entry: Mapping[str, Any]) -> str:
    return next((f"{kind}:{entry[kind]}" for kind in ("sha256", "md5") if kind in entry), "")


def _source_file(place: str, name: str, entry: Mapping[str, Any]) -> SourceFile:
    problem = None
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        problem = "is no plain file name"
    elif type(entry.get("bytes")) is not int or entry["bytes"] <= 0:
        problem = f"has bytes {entry.get('bytes')!r}, expected the size of the official file"
    elif not _HASH.fullmatch(official := _hash(entry)):
        problem = f"has hash {official!r}, expected `sha256:` or `md5:` with its lower-case digits"
    elif not entry.get("urls"):
        problem = "has no urls"
    if problem:
        raise InputError(f"params.yaml, {place}: {name!r} {problem}")
    return SourceFile(name, entry["bytes"], _hash(entry), tuple(entry["urls"]), entry.get("instead"))


def _name_in(mirror: Path | None, file: SourceFile) -> str | None:
    """Returns the name under which a mirror holds the file or what may be used instead of it."""
    names = [name for name in (file.name, file.instead) if name]
    return next((name for name in names if mirror is not None and (mirror / name).is_file()), None)


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


def _from_network(file: SourceFile, kept: Path, folder: Path, patience: Patience) -> dict[str, Any]:
    # The hash is in the name: what was begun for other official bytes is never gone on with.
    verified = kept / f"{file.digest[:12]}-{file.name}"
    try:
        transfer(file.urls, verified, size=file.bytes, hash=file.hash, patience=patience)
    except TransferError as error:
        raise InputError(
            f"cannot download {file.name} ({file.bytes} bytes, {file.hash}):\n{error}\n"
            f"Run again to go on where it stopped, or name a folder that holds the file in DATA_MIRROR."
        ) from None
    _link(verified, folder / file.name)
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


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)
