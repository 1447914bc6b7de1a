"""What nothing needs any more: results of former variants, and what killed processes left."""

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stages import locks, variants
from stages.errors import DAMAGE
from stages.inspection import lockfile
from stages.inspection.findings import Finding, unneeded
from stages.inspection.workspaces import RWLOCK, Workspace

CHECKPOINTS, DOWNLOADS = Path(".checkpoints"), Path(".downloads")
WRITTEN_IN = ("data", "models", "metrics", "plots", ".checkpoints", ".dvc/cache/files/md5")
OF_DVC = re.compile(r"\.[\w-]{22}\.tmp")  # its files until they are whole
FEATURES, FEATURES_FILES = Path("data", "features"), ("maps.npy", "pooled.npy", "done.json")
OF_ALL = [Path("plots", name) for name in ("comparisons", "summary.csv", "summary.json", "summary.md")]
KILLED = "was left by a killed process"


def leftovers(workspace: Workspace) -> Iterator[Finding]:
    """Finds what should not be in a workspace, or is recorded by no stage."""
    yield from _results(workspace)
    yield from _former_stages(workspace)
    yield from _unfinished(workspace.root)
    yield from _checkpoints(workspace)
    yield from _downloads(workspace)
    if (workspace.root / RWLOCK).exists() and not _is_rwlock(workspace.root / RWLOCK):
        problem = "is not what DVC can read, so that every dvc repro fails"
        yield unneeded(workspace.root, workspace.root / RWLOCK, problem)


def _results(workspace: Workspace) -> Iterator[Finding]:
    """Finds results of what is no variant, and those of variants that no stage in dvc.lock wrote."""
    root, known = workspace.root, set(variants.names(workspace.params))
    recorded = {part for path in workspace.outs for part in (path, *path.parents)}
    found = [
        *((path, path.name) for folder in ("models", "plots/variants") for path in _visible(root / folder)),
        *((path, path.stem) for path in _visible(root / "metrics") if path.suffix == ".json"),
    ]
    for path, name in found:
        if name not in known:
            yield unneeded(root, path, f"belongs to {name!r}, which is no variant of params.yaml")
    present = [path.relative_to(root) for path, name in found if name in known]
    present += [path for path in OF_ALL if (root / path).exists()]
    for path in present:
        if path not in recorded:
            problem = "is the output of no stage in dvc.lock, so that nobody knows what it was made from"
            yield Finding(path, problem, "`dvc repro`, which makes it again")


def _former_stages(workspace: Workspace) -> Iterator[Finding]:
    for stage in workspace.former:
        repair = partial(lockfile.forget, workspace.root / "dvc.lock", [stage])
        problem = f"has an entry of {stage!r}, which is no stage of dvc.yaml"
        yield Finding(Path("dvc.lock"), problem, "remove that entry", repair=repair)


def _unfinished(root: Path) -> Iterator[Finding]:
    """Finds what is written beside an output until it is whole, and its lock, where nobody writes it."""
    places = [*root.glob(".*"), *(path for folder in WRITTEN_IN for path in (root / folder).rglob("*"))]
    for path in sorted(places):
        lock = _lock_of(path)
        if (lock and not locks.is_held(lock)) or OF_DVC.fullmatch(path.name):
            yield unneeded(root, path, KILLED)


def _lock_of(path: Path) -> Path | None:
    """Returns the lock that is held while this is written, or is this; None where it is neither."""
    is_hidden = path.name.startswith(".") or CHECKPOINTS.name in path.parts
    if is_hidden and path.suffix in (".lock", ".partial"):
        return path.with_name(re.sub(r"(\.replaced)?\.partial$", ".lock", path.name))
    return None


def _checkpoints(workspace: Workspace) -> Iterator[Finding]:
    """Finds checkpoints that no stage goes on from; those that are being written are left alone."""
    root = workspace.root
    for path in _visible(root / CHECKPOINTS, "**/*"):
        if path.suffix != ".lock" and not _is_written(path, root / CHECKPOINTS):
            problem = _checkpoint_problem(workspace, path, path.relative_to(root / CHECKPOINTS))
            if problem:
                yield unneeded(root, path, problem)


def _is_written(path: Path, end: Path) -> bool:
    """Returns whether somebody holds the lock of a checkpoint, or of the folder it lies in."""
    parents = [path, *path.parents]
    return any(locks.is_held(parent.with_suffix(".lock")) for parent in parents[: parents.index(end)])


def _checkpoint_problem(workspace: Workspace, path: Path, place: Path) -> str | None:
    """Says why no stage would go on from a file or folder at this place among the checkpoints."""
    if place == FEATURES:
        return _features_problem(path)
    if path.is_dir() or (place.parent == FEATURES and place.name in FEATURES_FILES):
        return None
    if place.parent == Path("models") and path.suffix == ".npz":
        return _training_problem(workspace, path)
    return "is no checkpoint of this study"


def _features_problem(folder: Path) -> str | None:
    done = _json(folder / "done.json")
    if not isinstance(done, dict) or "images" not in done:
        return "holds unfinished features, and no done.json that says how far they are"
    return None


def _training_problem(workspace: Workspace, path: Path) -> str | None:
    name = path.stem
    if name not in variants.names(workspace.params):
        return f"belongs to {name!r}, which is no variant of params.yaml"
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                variant = json.loads(str(archive["header"]))["variant"]
        except DAMAGE as error:
            return f"is no readable checkpoint ({error})"
    now = _json(workspace.root / "data" / "variants" / f"{name}.json")
    if now is not None and variant != now:
        return "is of other knobs or code than its variant has now"
    return None


def _downloads(workspace: Workspace) -> Iterator[Finding]:
    """Finds downloads that no source names, and finished ones whose bytes are not the publisher's."""
    root = workspace.root
    files = {
        f"{(entry.get('sha256') or entry['md5'])[:12]}-{name}": entry
        for source in (workspace.params.get("sources") or {}).values()
        for name, entry in source.items()
    }
    for path in _visible(root / DOWNLOADS):
        name = path.name.removesuffix(".lock").removesuffix(".partial")
        if name not in files:
            yield unneeded(root, path, "belongs to no source of params.yaml")
        elif path.name.endswith(".lock") and not locks.is_held(path):
            yield unneeded(root, path, KILLED)
        elif path.name == name and not _is_download(workspace, path.relative_to(root), files[name]):
            yield unneeded(root, path, "is not the publisher's file")


def _is_download(workspace: Workspace, path: Path, entry: dict[str, Any]) -> bool:
    algorithm = "sha256" if "sha256" in entry else "md5"
    return workspace.hash(path, algorithm) == entry[algorithm]


def _is_rwlock(path: Path) -> bool:
    """Returns whether DVC would take the file; it writes it in place."""
    content = _json(path)
    return isinstance(content, dict) and all(isinstance(value, dict) for value in content.values())


def _json(path: Path) -> Any:
    """Returns the content of a JSON file; None where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def _visible(folder: Path, pattern: str = "*") -> list[Path]:
    """Returns what is in a folder, without hidden files: those have an owner of their own."""
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))
