"""What DVC itself says: its stages, its cache, what it finds changed, and which processes run it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from stages.runtime import locks
from stages.runtime.errors import InputError
from stages.workspace.findings import Finding, removal

RWLOCK, LOCK = Path(".dvc", "tmp", "rwlock"), Path(".dvc", "tmp", "lock")
# Without --fail, DVC lists no stages and exits with 0 where it cannot read dvc.yaml.
COMMANDS = (("stage", "list", "--name-only", "--fail"), ("cache", "dir"), ("status", "--json"))


class Changes(NamedTuple):
    """What `dvc status` says about a stage: it trusts the hashes that it noted earlier.

    Attributes:
        deps: dependencies and parameters that changed since the stage ran, or "command".
        outs: output -> "new", "modified", "deleted" or "not in cache".
    """

    deps: list[str]
    outs: dict[Path, str]


class Pipeline(NamedTuple):
    """The pipeline as DVC sees it.

    Attributes:
        stages: names of all stages of dvc.yaml.
        cache: folder of the cache objects.
        changes: of stages that are not up to date.
    """

    stages: frozenset[str]
    cache: Path
    changes: dict[str, Changes]


def ask(root: Path) -> Pipeline:
    """Asks DVC's command line, in one process, as DVC takes a second to start.

    Raises:
        InputError: DVC cannot answer, for instance because it cannot read dvc.yaml.
    """
    program = f"import sys; from dvc.cli import main; sys.exit(any(main(list(c)) for c in {COMMANDS}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"DVC cannot read the pipeline: {' '.join(done.stderr.split())}")
    *stages, cache, status = done.stdout.splitlines()
    folder = Path(cache, "files", "md5")
    if folder.is_relative_to(root.resolve()):
        folder = folder.relative_to(root.resolve())
    changes = {stage: _changes(found) for stage, found in json.loads(status).items() if stage in stages}
    return Pipeline(frozenset(stages), folder, changes)


def running(root: Path) -> list[str]:
    """Returns the live processes that DVC has on record here, as "process 12 (`dvc repro`)"."""
    try:
        found = {f"process {pid} (`{command}`)" for pid, command in _noted(root) if psutil.pid_exists(pid)}
    except (ValueError, TypeError, AttributeError, KeyError):
        found = set()  # reported by broken_rwlock
    return sorted(found) or (["a DVC command"] if locks.is_held(root / LOCK) else [])


def broken_rwlock(root: Path) -> Iterator[Finding]:
    """Finds the damage that a crash leaves in DVC's own record of processes."""
    try:
        _noted(root)
    except (ValueError, TypeError, AttributeError, KeyError):
        problem = "is damaged, so that every `dvc repro` fails"
        yield Finding(RWLOCK, problem, "remove it", removal(root, RWLOCK))


def _noted(root: Path) -> list[tuple[int, str]]:
    """Returns number and command of the processes in DVC's record; raises if DVC could not read it."""
    if not (root / RWLOCK).exists():
        return []
    noted = json.loads((root / RWLOCK).read_text(encoding="utf-8"))
    infos = [*noted.get("write", {}).values(), *(i for read in noted.get("read", {}).values() for i in read)]
    return [(int(info["pid"]), info["cmd"]) for info in infos]


def _changes(entries: list[Any]) -> Changes:
    deps = [entry.removeprefix("changed ") for entry in entries if isinstance(entry, str)]  # the command
    changed = {kind: found for entry in entries if isinstance(entry, dict) for kind, found in entry.items()}
    for path, change in changed.get("changed deps", {}).items():
        deps += [f"{path}:{key}" for key in change] if isinstance(change, dict) else [path]
    return Changes(deps, {Path(path): change for path, change in changed.get("changed outs", {}).items()})
