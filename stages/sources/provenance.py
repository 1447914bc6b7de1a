"""Where data come from: official, stand-in, own or generated; written next to archives and for each dataset.

data/archives/<source>/provenance.json names each file's kind and hash. data/provenance/<item>.json sums up
what a dataset or a backbone was made from; no training depends on it, and evaluation adds it to the result.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.runtime import atomic
from stages.runtime.errors import InputError
from stages.runtime.hashes import file_hash

PROVENANCE = "provenance.json"
KINDS = ("official", "stand-in", "own", "generated")  # the later of two decides for the whole


def worst(sources: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns the kind of what is made of these sources: "official" only where all of them are.

    Args:
        sources: name -> at least its kind, one of KINDS; not empty.
    """
    return max((source["kind"] for source in sources.values()), key=KINDS.index)


def sources_of(place: Path) -> dict[str, dict[str, Any]]:
    """Returns what an item's `from` holds, file name -> kind, sha256, ...

    Args:
        place: a folder that `download` made, whose files are checked against its provenance.json; or any
            other folder or file, which is the user's own and is one source.

    Raises:
        InputError: `place` is missing, or an archive changed since it was downloaded.
    """
    if not place.exists():
        raise InputError(
            f"{place} not found; `dvc repro` makes what is below data/; put data of your own there,"
            " or correct `from` in params.yaml"
        )
    if not (place / PROVENANCE).is_file():
        return {place.name: {"kind": "own", "sha256": _tree_hash(place)}}
    sources = json.loads((place / PROVENANCE).read_text(encoding="utf-8"))
    for name, entry in sources.items():
        if not (place / name).is_file() or file_hash(place / name) != entry["sha256"]:
            raise InputError(
                f"{place / name} is missing or changed since it was downloaded, expected sha256"
                f" {entry['sha256'][:12]}...; run `python -m stages.verify --repair`, then `dvc repro`"
            )
    return sources


def write(path: Path, sources: Mapping[str, Mapping[str, Any]], *, format: str) -> str:
    """Writes data/provenance/<item>.json and returns the kind of the whole.

    Args:
        path: of the file.
        sources: as `sources_of` returns them.
        format: of the dataset or backbone, such as cifar100.
    """
    kind = worst(sources)
    atomic.write_json(path, {"kind": kind, "format": format, "sources": dict(sources)})
    return kind


def read(path: Path) -> dict[str, Any]:
    """Reads data/provenance/<item>.json: kind, format and sources."""
    return json.loads(path.read_text(encoding="utf-8"))


def _tree_hash(place: Path) -> str:
    """Returns the SHA-256 of a file, or of all names and contents in a folder, hidden files left out."""
    if place.is_file():
        return file_hash(place)
    digest = hashlib.sha256()
    files = [path.relative_to(place) for path in place.rglob("*") if path.is_file()]
    for name in sorted(file for file in files if not any(part.startswith(".") for part in file.parts)):
        digest.update(f"{file_hash(place / name)}  {name.as_posix()}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()
