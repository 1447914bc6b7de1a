"""Unfinished work under .checkpoints, kept until DVC has recorded what came of it.

DVC deletes an output before its stage runs and records it in dvc.lock afterwards. If it is killed in between,
it runs the stage again, which then finds here all that was computed.
"""

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.runtime import locks
from stages.runtime.atomic import remove

FOLDER = Path(".checkpoints")
LOCK = Path("dvc.lock")
RESOLVED = Path("data/resolved")


def free(folder: Path, stages: Iterable[str]) -> None:
    """Removes from a folder the file or folder of each item that DVC has recorded.

    Args:
        folder: such as .checkpoints/features, with NAME or NAME.npz of an item and perhaps NAME.lock, which
            a process holds while it writes it.
        stages: whose items they may be, such as cache_features.
    """
    for kept in folder.glob("*") if folder.is_dir() else ():
        lock = folder / f"{kept.stem}.lock"
        with suppress(FileNotFoundError):  # stages that start at the same time find the same
            is_free = kept != lock and not locks.is_held(lock)
            if is_free and any(is_recorded(stage, kept.stem) for stage in stages):
                remove(kept)


def forget(folder: Path) -> None:
    """Removes from a folder the folder of each item that the study no longer has.

    Args:
        folder: such as .checkpoints/models, with NAME/ of an item and perhaps locks in there.
    """
    names = {path.stem for path in RESOLVED.glob("*/*.json")}
    for kept in folder.glob("*") if names else ():
        with suppress(FileNotFoundError):
            if kept.name not in names and not any(map(locks.is_held, kept.glob("*.lock"))):
                remove(kept)


def is_recorded(stage: str, item: str) -> bool:
    """Returns whether dvc.lock holds an item's result of its present knobs and code, and it is there."""
    entry = _entries().get(f"{stage}@{item}", {})
    resolved = RESOLVED / stage / f"{item}.json"
    recorded = {dep["path"]: dep.get("md5") for dep in entry.get("deps", ())}.get(resolved.as_posix())
    if recorded is None or not resolved.is_file():
        return False
    is_there = all(Path(out["path"]).exists() for out in entry.get("outs", ()))
    return is_there and recorded == hashlib.md5(resolved.read_bytes(), usedforsecurity=False).hexdigest()


def _entries() -> dict[str, Any]:
    """Returns what dvc.lock says about each stage; nothing if it is missing, cut off or in conflict."""
    try:
        return dict(YAML(typ="safe").load(LOCK.read_text(encoding="utf-8"))["stages"])
    except (FileNotFoundError, YAMLError, ValueError, TypeError, KeyError):
        return {}
