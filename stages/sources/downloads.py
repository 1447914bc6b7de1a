"""Which bytes a study starts from: mirror folder or download, official or not.

A file with its publisher's hash is `official`. Other bytes are accepted only from a mirror folder whose
SHA256SUMS lists them; they are a `stand-in`, or `generated` if that file says so, and everything made from
them says so too. Either way `provenance.json` is written next to the files.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.runtime import atomic
from stages.runtime.errors import InputError
from stages.runtime.hashes import file_hash
from stages.sources.checksums import CHECKSUMS, is_generated, read_checksums
from stages.sources.provenance import PROVENANCE
from stages.sources.transfers import PATIENCE, Patience, TransferError, transfer

_CHUNK_BYTES = 1 << 20
_NOTES = {
    "official": "the publisher's bytes",
    "stand-in": "other bytes than the publisher's, listed in the mirror's SHA256SUMS",
    "generated": "generated, as the mirror's SHA256SUMS says",
}


def fetch(
    files: Mapping[str, Mapping[str, Any]],
    out: Path,
    *,
    mirror: Path | None,
    kept: Path,
    patience: Patience = PATIENCE,
) -> dict[str, dict[str, Any]]:
    """Puts `files` and their provenance.json into the folder `out`, which appears whole or not at all.

    Args:
        files: a source's entry in params.yaml: official name -> bytes, sha256 or md5, urls, and perhaps
            `instead`, the name of a file that a mirror may hold instead.
        out: the folder to make.
        mirror: a folder to look into first; None for none.
        kept: where partial and verified downloads stay, so that a later run resumes them.
        patience: how long to wait for servers.

    Returns:
        Per file name its kind, bytes, sha256, official hash and a note.

    Raises:
        InputError: a file is in neither place, or its bytes are neither official nor vouched for.
    """
    if mirror is not None and not mirror.is_dir():
        raise InputError(
            f"mirror {str(mirror)!r} is not a folder, looked in {mirror.absolute()};"
            " set DATA_MIRROR to the absolute path of one"
        )
    provenance = {}
    with atomic.replacing(out) as partial:
        partial.mkdir()
        for name, file in files.items():
            found = _name_in(mirror, name, file.get("instead"))
            if mirror is not None and found is not None:
                provenance[found] = _from_mirror(name, file, mirror / found, partial)
            else:
                provenance[name] = _from_network(name, file, mirror, kept, partial, patience)
        atomic.write_json(partial / PROVENANCE, provenance)
    return provenance


def _name_in(mirror: Path | None, *names: str | None) -> str | None:
    """Returns the first of these names that a mirror has a file of."""
    return next((name for name in names if mirror and name and (mirror / name).is_file()), None)


def _official(file: Mapping[str, Any]) -> str:
    """Returns the publisher's hash as `sha256:...` or `md5:...`."""
    return f"sha256:{file['sha256']}" if "sha256" in file else f"md5:{file['md5']}"


def _from_mirror(name: str, file: Mapping[str, Any], found: Path, folder: Path) -> dict[str, Any]:
    # Copied, never linked: DVC makes what it caches read-only, and a mirror is not ours to change.
    size, hashes = _copy(found, folder / found.name)
    if _official(file) in hashes:
        return _record(file, "official", size, hashes[0])
    sums = found.parent / CHECKSUMS
    listed = read_checksums(sums).get(found.name) if sums.is_file() else None
    if f"sha256:{listed}" != hashes[0]:
        what = f"lists another hash (sha256:{listed})" if listed else "does not list it"
        raise InputError(
            f"{found.name} in the mirror has {size} bytes, {hashes[0]}; the official {name} has"
            f" {file['bytes']} bytes, {_official(file)}, and the mirror's {CHECKSUMS} {what}\n"
            f"Use the official file, or this as a stand-in: `sha256sum {found.name} >> {CHECKSUMS}` there."
        )
    return _record(file, "generated" if is_generated(sums) else "stand-in", size, hashes[0])


def _from_network(
    name: str, file: Mapping[str, Any], mirror: Path | None, kept: Path, folder: Path, patience: Patience
) -> dict[str, Any]:
    official, size = _official(file), file["bytes"]
    # The hash is in the name, so that a download of other official bytes is never resumed.
    verified = kept / f"{official.partition(':')[2][:12]}-{name}"
    try:
        transfer(file["urls"], verified, size=size, hash=official, patience=patience)
    except TransferError as error:
        place = "a folder and set DATA_MIRROR to its path" if mirror is None else f"the mirror {mirror}"
        raise InputError(
            f"cannot download {name} ({size} bytes, {official}) from {error};"
            f" rerun to resume it, or put the file into {place}"
        ) from None
    atomic.link(verified, folder / name)
    return _record(file, "official", size, f"sha256:{file_hash(verified)}")


def _record(file: Mapping[str, Any], kind: str, size: int, hash: str) -> dict[str, Any]:
    sha256 = hash.removeprefix("sha256:")
    return {"kind": kind, "bytes": size, "sha256": sha256, "official": _official(file), "note": _NOTES[kind]}


def _copy(source: Path, target: Path) -> tuple[int, list[str]]:
    """Copies a file; returns the size and the hashes, sha256 and md5, of the very bytes it copied."""
    hashers, size = [hashlib.sha256(), hashlib.md5(usedforsecurity=False)], 0
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            size += writer.write(chunk)
            for hasher in hashers:
                hasher.update(chunk)
    return size, [f"{hasher.name}:{hasher.hexdigest()}" for hasher in hashers]
