"""A workspace as an inspection sees it: what DVC recorded, and hashes of what is there."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from stages import parameters
from stages.errors import InputError
from stages.hashes import file_hash
from stages.inspection.findings import Finding, removal
from stages.results.contents import mistakes

CACHE = Path(".dvc", "cache", "files", "md5")
RWLOCK = Path(".dvc", "tmp", "rwlock")


@dataclass(frozen=True)
class Out:
    """What dvc.lock says of an output: the stage that wrote it, and its MD5."""

    stage: str
    md5: str


@dataclass(frozen=True)
class Workspace:
    """A folder with a study that has run, or a part of it.

    Attributes:
        root: the folder that holds dvc.lock.
        params: the content of params.yaml.
        stages: the entries of dvc.lock, of stages that dvc.yaml still has.
        former: names of the other entries.
        ignored: what .dvcignore says, patterns of names.
        hashes: of files by device, inode and algorithm, so that none is read twice.
    """

    root: Path
    params: Mapping[str, Any]
    stages: Mapping[str, Any] = field(default_factory=dict)
    former: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    hashes: dict[tuple[int, int, str], str] = field(default_factory=dict)

    @cached_property
    def outs(self) -> dict[Path, Out]:
        """What stages wrote, by its path relative to the root."""
        return {
            Path(out["path"]): Out(stage, out["md5"])
            for stage, entry in self.stages.items()
            for out in entry.get("outs", [])
        }

    def hash(self, path: Path, algorithm: str = "sha256") -> str:
        """Returns the hash of a file; a hard link to one is not read again."""
        status = (self.root / path).stat()
        key = (status.st_dev, status.st_ino, algorithm)
        if key not in self.hashes:
            self.hashes[key] = file_hash(self.root / path, algorithm)
        return self.hashes[key]

    def md5(self, path: Path) -> str:
        """Returns the hash that DVC gives a file or a folder: that of the list of its files."""
        if not (self.root / path).is_dir():
            return self.hash(path, "md5")
        names = sorted(self.files(path))
        listed = [{"md5": self.hash(path / name, "md5"), "relpath": name} for name in names]
        digest = hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False)
        return f"{digest.hexdigest()}.dir"

    def made_wrong(self, path: Path, problem: str) -> Finding:
        """Returns the finding of an output whose content is wrong though its bytes are those recorded.

        Its object in the cache goes too, or DVC would fetch just that again.
        """
        out = self.outs[path]
        remedy = f"`dvc repro --force --single-item {out.stage}`"
        repair = removal(self.root / path, self.root / cached(out.md5))
        return Finding(path, problem, remedy, out.stage, repair)

    def files(self, folder: Path) -> Iterator[str]:
        """Yields the path in a folder of each file in it that DVC does not ignore."""
        for path in (self.root / folder).rglob("*"):
            name = path.relative_to(self.root / folder)
            if path.is_file() and not any(
                fnmatchcase(part, pattern) for part in name.parts for pattern in self.ignored
            ):
                yield name.as_posix()


def opened(root: Path, entries: Mapping[str, Any]) -> Workspace:
    """Reads what else belongs to a workspace, from params.yaml, dvc.yaml and .dvcignore.

    Args:
        root: the workspace.
        entries: of its dvc.lock.

    Raises:
        InputError: params.yaml or dvc.yaml is missing or cannot be read.
    """
    known = _stages(root)
    return Workspace(
        root,
        parameters.load(root / "params.yaml", mistakes),
        {name: entry for name, entry in entries.items() if name in known},
        tuple(name for name in entries if name not in known),
        ignored(root),
    )


def ignored(root: Path) -> tuple[str, ...]:
    """Returns the patterns of .dvcignore; ours are of names, in whatever folder they are."""
    path = root / ".dvcignore"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return tuple(line for line in lines if line and not line.startswith("#"))


def cached(md5: str) -> Path:
    """Returns where DVC's cache keeps the object with a hash."""
    return CACHE / md5[:2] / md5[2:]


def running(root: Path) -> list[tuple[int, str]]:
    """Returns number and command of each living process that DVC knows to run stages here."""
    try:
        locks = json.loads((root / RWLOCK).read_text(encoding="utf-8"))
        written, read = locks.get("write", {}).values(), locks.get("read", {}).values()
        infos = [*written, *(info for reads in read for info in reads)]
        processes = {(int(info["pid"]), str(info["cmd"])) for info in infos}
    except (FileNotFoundError, ValueError, AttributeError, KeyError, TypeError):
        return []  # what is no such record is a finding of its own
    return sorted(process for process in processes if _is_alive(process[0]))


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _stages(root: Path) -> set[str]:
    """Returns the names of all stages of dvc.yaml, as DVC makes them of params.yaml."""
    # Without --fail, DVC answers a dvc.yaml that it cannot read with no stages and exit code 0.
    command = [sys.executable, "-m", "dvc", "stage", "list", "--name-only", "--fail"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"DVC cannot read the pipeline:\n{done.stderr.strip()}")
    return set(done.stdout.split())
