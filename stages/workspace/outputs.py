"""Outputs and DVC's cache against the hashes in dvc.lock, and outputs older than what they are made from.

DVC trusts its cache: a damaged object passes status, checkout and repro unnoticed. So everything is hashed.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pathspec

from stages.runtime.hashes import file_hash
from stages.workspace.findings import Finding, guarded, removal
from stages.workspace.lockfile import Out
from stages.workspace.pipeline import Changes


@dataclass(frozen=True)
class Workspace:
    """A folder with a study, as DVC recorded it.

    Attributes:
        root: the folder of dvc.lock.
        cache: the folder of cache objects, relative to the root.
        outs: what the stages wrote.
        hashes: of files, by identity and time of the last change, so that hard links are read once.
    """

    root: Path
    cache: Path
    outs: Mapping[Path, Out]
    hashes: dict[tuple[int, ...], str] = field(default_factory=dict)

    def md5(self, path: Path) -> str:
        """Returns the hash that DVC gives a file, or a folder: that of the list of its files."""
        if not (self.root / path).is_dir():
            return self._file_md5(path)
        listed = [{"md5": self._file_md5(path / name), "relpath": name} for name in sorted(self.files(path))]
        digest = hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False)
        return f"{digest.hexdigest()}.dir"

    def files(self, folder: Path) -> set[str]:
        """Returns the path in a folder of each file that DVC does not ignore."""
        walk = os.walk(self.root / folder, onerror=_raise)
        paths = [Path(parent, name).relative_to(self.root) for parent, _, names in walk for name in names]
        return {p.relative_to(folder).as_posix() for p in paths if not self._ignored.match_file(p.as_posix())}

    def object(self, md5: str) -> Path:
        """Returns where the cache keeps the object with a hash."""
        return self.cache / md5[:2] / md5[2:]

    def listing(self, md5: str) -> dict[str, str] | None:
        """Returns the MD5 of each file of a folder; None if the cache has lost or damaged the list."""
        path = self.object(md5)
        if not (self.root / path).exists() or self._file_md5(path) != md5.removesuffix(".dir"):
            return None
        entries = json.loads((self.root / path).read_text(encoding="utf-8"))
        return {entry["relpath"]: entry["md5"] for entry in entries}

    @cached_property
    def _ignored(self) -> pathspec.PathSpec:
        path = self.root / ".dvcignore"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return pathspec.PathSpec.from_lines("gitignore", lines)

    def _file_md5(self, path: Path) -> str:
        status = (self.root / path).stat()
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if key not in self.hashes:
            self.hashes[key] = file_hash(self.root / path, "md5")
        return self.hashes[key]


def wrong(workspace: Workspace) -> Iterator[Finding]:
    """Hashes every output in dvc.lock."""
    for out in workspace.outs.values():
        yield from guarded(out.path, _output(workspace, out))


def damaged_objects(workspace: Workspace) -> Iterator[Finding]:
    """Hashes every object in the cache; the name of an object is its hash."""
    holds = {
        workspace.object(md5): (out, path)
        for out in workspace.outs.values()
        for path, md5 in _objects(workspace, out)
    }
    for path in sorted((workspace.root / workspace.cache).glob("[0-9a-f][0-9a-f]/[0-9a-f]*")):
        place = workspace.cache / path.parent.name / path.name
        yield from guarded(place, _object(workspace, place, *holds.get(place, (None, place))))


def stale(
    workspace: Workspace, changes: Mapping[str, Changes], doubtful: Collection[Path]
) -> Iterator[Finding]:
    """Finds outputs that DVC would make again, and those of which it has no record or no copy.

    Args:
        workspace: to look at.
        changes: what `dvc status` says.
        doubtful: outputs already found wrong; what is made from them is not reported.
    """
    first = {out.stage: path for path, out in reversed(workspace.outs.items())}
    for stage, change in changes.items():
        for path, state in change.outs.items():
            if path not in workspace.outs and state != "deleted":
                problem = "is in no entry of dvc.lock, so its origin is unknown"
                yield Finding(path, problem, f"`dvc repro {stage}` makes it again")
            elif state == "not in cache" and not overlap(path, doubtful):
                problem = "is not in DVC's cache, so that DVC would run its stage again"
                yield Finding(path, problem, f"`dvc commit {stage}` stores it")
        deps = [dep for dep in change.deps if not overlap(Path(dep), doubtful)]
        if deps and stage in first:
            yield Finding(first[stage], f"is out of date: {', '.join(deps)} changed", f"`dvc repro {stage}`")


def _output(workspace: Workspace, out: Out) -> Iterator[Finding]:
    """Compares an output with its hash; only files that differ may be removed."""
    place = workspace.root / out.path
    restore = f"`dvc checkout {out.path}`, or if that fails `dvc repro {out.stage}`"
    if not place.exists():
        yield Finding(out.path, "is missing", restore)
    elif workspace.md5(out.path) == out.md5:
        return
    elif not place.is_dir():
        yield Finding(out.path, *_differs(restore), removal(workspace.root, out.path))
    else:
        yield from _folder(workspace, out, restore)


def _folder(workspace: Workspace, out: Out, restore: str) -> Iterator[Finding]:
    """Finds which files make a folder differ, by the cache's list of its files."""
    listing = workspace.listing(out.md5)
    if listing is None:
        problem = "differs from its hash in dvc.lock, and the cache has no list of its files"
        yield Finding(out.path, problem, f"`dvc repro --force --single-item {out.stage}` makes it again")
        return
    there = workspace.files(out.path)
    for name in sorted(there | listing.keys()):
        path = out.path / name
        if name not in listing:
            yield Finding(path, f"was not written by {out.stage}", "move it elsewhere, or DVC may remove it")
        elif name not in there:
            yield Finding(path, "is missing", restore)
        elif workspace.md5(path) != listing[name]:
            yield Finding(path, *_differs(restore), removal(workspace.root, path))


def _differs(restore: str) -> tuple[str, str]:
    return "differs from its hash in dvc.lock", f"remove it, then {restore}"


def _object(workspace: Workspace, place: Path, out: Out | None, holds: Path) -> Iterator[Finding]:
    md5 = place.parent.name + place.name
    if workspace.md5(place) == md5.removesuffix(".dir"):
        return
    if out is None:
        problem, remedy = "differs from the hash in its name", "remove it"
    else:
        is_sound = (workspace.root / holds).exists() and workspace.md5(holds) == md5
        command = "commit" if is_sound else "repro"
        problem = f"is the cache's copy of {holds} and damaged"
        remedy = f"remove it, then `dvc {command} {out.stage}`"
    yield Finding(place, problem, remedy, removal(workspace.root, place))


def _objects(workspace: Workspace, out: Out) -> Iterator[tuple[Path, str]]:
    """Yields path and hash of an output and, of a folder, of the files that the cache lists in it."""
    yield out.path, out.md5
    if out.md5.endswith(".dir"):
        for name, md5 in (workspace.listing(out.md5) or {}).items():
            yield out.path / name, md5


def overlap(path: Path, others: Collection[Path]) -> bool:
    """Returns whether a path is one of the others, inside one or around one."""
    return any(path == other or path in other.parents or other in path.parents for other in others)


def _raise(error: OSError) -> None:
    raise error
