"""What nothing needs any more: outputs of former stages, and temporary files of killed processes."""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path

from stages.runtime import locks
from stages.workspace import lockfile
from stages.workspace.findings import Finding, guarded, removal
from stages.workspace.lockfile import Out
from stages.workspace.outputs import Workspace, overlap
from stages.workspace.pipeline import Changes

CHECKPOINTS, DOWNLOADS = Path(".checkpoints"), Path(".downloads")
PARTIAL = re.compile(r"\.(.+?)(\.replaced)?\.partial")  # see runtime/atomic.py
LOCK = re.compile(r"\.?(.+)\.lock")  # see runtime/locks.py
OF_DVC = re.compile(r"\.[\w-]{22}\.tmp")  # what DVC writes until it is whole


def leftovers(
    workspace: Workspace, former: Mapping[str, list[Out]], changes: Mapping[str, Changes]
) -> Iterator[Finding]:
    """Finds what may be removed although no hash is wrong; other files are the user's own.

    Args:
        workspace: to look at.
        former: outputs of stages in dvc.lock that dvc.yaml no longer has.
        changes: what `dvc status` says.
    """
    current = {*workspace.outs, *(path for change in changes.values() for path in change.outs)}
    lock = Path(lockfile.NAME)
    yield from guarded(lock, _former_stages(workspace.root, former, current))
    recorded = {out.path for outs in former.values() for out in outs}
    yield from guarded(lock, _former_outputs(workspace, current | recorded))
    yield from guarded(Path("."), _temporary_files(workspace, current | recorded))


def _former_stages(
    root: Path, former: Mapping[str, list[Out]], current: Collection[Path]
) -> Iterator[Finding]:
    for stage, outs in former.items():
        paths = [out.path for out in outs if (root / out.path).exists() and not overlap(out.path, current)]
        also = "".join(f" and {path}" for path in paths)
        problem = f"has an entry of {stage}, which dvc.yaml no longer has"
        yield Finding(Path(lockfile.NAME), problem, f"remove it{also}", partial(_forget, root, stage, paths))


def _forget(root: Path, stage: str, paths: list[Path]) -> str:
    lockfile.forget(root / lockfile.NAME, [stage])
    removal(root, *paths)()
    return f"removed {', '.join([f'the entry of {stage}', *map(str, paths)])}"


def _former_outputs(workspace: Workspace, known: Collection[Path]) -> Iterator[Finding]:
    """Finds outputs that dvc.lock named in an earlier commit, still with the bytes it recorded then."""
    for path, hashes in lockfile.history(workspace.root).items():
        is_there = (workspace.root / path).exists() and not overlap(path, known)
        if is_there and workspace.md5(path) in hashes:
            problem = "is an output of a stage that dvc.yaml no longer has"
            yield Finding(path, problem, "remove it", removal(workspace.root, path))


def _temporary_files(workspace: Workspace, known: Collection[Path]) -> Iterator[Finding]:
    """Finds what this project and DVC write until it is whole, and locks, where nobody writes any more."""
    root = workspace.root
    folders = {root / path.parent for path in known} - {root}
    places = [place for folder in folders if folder.is_dir() for place in folder.iterdir()]
    for folder in (CHECKPOINTS, DOWNLOADS, workspace.cache):
        if folder.is_absolute():  # a cache elsewhere, which other projects may share
            continue
        places += [Path(parent, name) for parent, _, names in os.walk(root / folder) for name in names]
    for place in sorted(place.relative_to(root) for place in places):
        if OF_DVC.fullmatch(place.name) or _is_left(root, place):
            yield Finding(place, "was left by a killed process", "remove it", removal(root, place))


def _is_left(root: Path, place: Path) -> bool:
    """Returns whether this is an unfinished output that nobody locks, or a lock of ours that nobody holds."""
    unfinished, lock = PARTIAL.fullmatch(place.name), LOCK.fullmatch(place.name)
    if unfinished:
        beside = root / place.with_name(f".{unfinished[1]}.lock")
        training = root / CHECKPOINTS / place.with_name(f"{unfinished[1]}.lock")
        return not locks.is_held(beside) and not locks.is_held(training)
    is_ours = place.name.startswith(".") or CHECKPOINTS in place.parents
    return bool(lock and is_ours and not locks.is_held(root / place) and (root / place).read_text().isdigit())
