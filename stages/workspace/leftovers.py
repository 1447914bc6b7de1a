"""Temporary files of killed processes, which are no longer needed."""

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from stages.runtime import locks
from stages.workspace.findings import Finding, removal
from stages.workspace.outputs import Workspace

CHECKPOINTS, DOWNLOADS = Path(".checkpoints"), Path(".downloads")
CORES = CHECKPOINTS / "cores"  # whose locks stay, see runtime/cores.py
PARTIAL = re.compile(r"\.(.+?)(\.npz)?(\.replaced)?\.partial")  # see runtime/atomic.py
LOCK = re.compile(r"\.?(.+)\.lock")  # see runtime/locks.py
OF_DVC = re.compile(r"\.[\w-]{22}\.tmp")  # of DVC's unfinished files


def leftovers(workspace: Workspace, outputs: Collection[Path]) -> Iterator[Finding]:
    """Finds unfinished files of this project and of DVC, and locks, that no process is writing any more.

    They may be removed although no hash is wrong; all other files belong to the user.

    Args:
        workspace: to look at.
        outputs: of stages in dvc.yaml or dvc.lock.
    """
    root = workspace.root
    folders = {root / path.parent for path in outputs} - {root}
    places = [place for folder in folders if folder.is_dir() for place in folder.iterdir()]
    for folder in (CHECKPOINTS, DOWNLOADS, workspace.cache):
        if not folder.is_absolute():  # a cache elsewhere may be shared with other projects
            walk = os.walk(root / folder)
            places += [Path(parent, name) for parent, inner, names in walk for name in (*inner, *names)]
    for place in sorted(place.relative_to(root) for place in places):
        if OF_DVC.fullmatch(place.name) or _is_left(root, place):
            yield Finding(place, "was left by a killed process", "remove it", removal(root, place))


def _is_left(root: Path, place: Path) -> bool:
    """Returns whether this is an unfinished output that is not locked, or a lock of ours that is not held."""
    unfinished, lock = PARTIAL.fullmatch(place.name), LOCK.fullmatch(place.name)
    if unfinished:
        names = (f"{unfinished[1]}.lock", f".{unfinished[1]}.lock", f".{unfinished[1]}.replaced.lock")
        possible = map(place.with_name, names)
        return not any(locks.is_held(root / lock) for lock in possible)
    is_ours = place.name.startswith(".") or (CHECKPOINTS in place.parents and place.parent != CORES)
    return bool(lock and is_ours and not locks.is_held(root / place) and (root / place).read_text().isdigit())
