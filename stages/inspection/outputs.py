"""Outputs against what DVC recorded: their bytes, those in the cache, and those they were made from.

DVC believes its cache: an object with other bytes passes its status, checkout and repro silently.
"""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from stages.inspection.findings import Finding, removal, unneeded
from stages.inspection.workspaces import CACHE, Workspace, cached

CACHED = ("data", "models")  # folders whose outputs dvc.yaml gives to the cache


def wrong(workspace: Workspace) -> Iterator[Finding]:
    """Hashes every output that dvc.lock names, and every object in the cache."""
    for path, out in workspace.outs.items():
        if not (workspace.root / path).exists():
            remedy = f"`dvc checkout {path}`, or where that fails `dvc repro {out.stage}`"
            yield Finding(path, "is missing", remedy, stage=out.stage)
        elif workspace.md5(path) != out.md5:
            yield _remade(path, out.stage, "is not what its stage wrote", workspace.root / path)
        elif path.parts[0] in CACHED and not _is_cached(workspace, out.md5):
            problem = "is not in DVC's cache, for which dvc repro would run its stage again"
            yield Finding(path, problem, f"`dvc commit {out.stage}` puts it there")
    yield from _wrong_objects(workspace)


def stale(workspace: Workspace, doubtful: Collection[Path]) -> Iterator[Finding]:
    """Finds outputs whose stage read something else than what is there now.

    Args:
        workspace: to look at.
        doubtful: what was found wrong already; what was made from it is not looked at.
    """
    for stage, entry in workspace.stages.items():
        problem = _older(workspace, entry, doubtful) or _other_params(workspace, entry)
        if problem and entry.get("outs"):
            yield Finding(Path(entry["outs"][0]["path"]), problem, f"`dvc repro {stage}`", stage=stage)


def _wrong_objects(workspace: Workspace) -> Iterator[Finding]:
    """Compares the objects in the cache with their names; says which outputs they are of."""
    damaged = {
        path.parent.name + path.name: path
        for path in sorted((workspace.root / CACHE).glob("[0-9a-f][0-9a-f]/[0-9a-f]*"))
        if workspace.hash(path.relative_to(workspace.root), "md5")
        != path.parent.name + path.name.removesuffix(".dir")
    }
    named = set()
    for path, out in workspace.outs.items():
        for place, md5 in _objects(workspace, path, out.md5, damaged):
            if md5 in damaged:
                named.add(md5)
                problem = "has other bytes in the cache than dvc.lock says"
                yield _remade(place, out.stage, problem, damaged[md5], workspace.root / place)
    for md5 in sorted(damaged.keys() - named):
        yield unneeded(workspace.root, damaged[md5], "has other bytes than its name says")


def _is_cached(workspace: Workspace, md5: str) -> bool:
    """Returns whether an output's object is in the cache and, of a folder, those it lists."""
    listing = workspace.root / cached(md5)
    if not listing.exists():
        return False
    entries = _listed(listing) if md5.endswith(".dir") else []
    return all((workspace.root / cached(entry["md5"])).exists() for entry in entries)


def _listed(listing: Path) -> list[dict[str, str]]:
    """Returns path and hash of each file of a folder; none where the list is damaged, which is told."""
    try:
        return json.loads(listing.read_text(encoding="utf-8"))
    except ValueError:
        return []


def _objects(
    workspace: Workspace, path: Path, md5: str, damaged: Collection[str]
) -> Iterator[tuple[Path, str]]:
    """Yields path and hash of an output and, of a folder, of what the cache lists in it."""
    yield path, md5
    listing = workspace.root / cached(md5)
    if md5.endswith(".dir") and md5 not in damaged and listing.exists():
        for entry in _listed(listing):
            yield path / entry["relpath"], entry["md5"]


def _remade(path: Path, stage: str, problem: str, *remove: Path) -> Finding:
    """Returns the finding of something that its stage makes again once it is removed."""
    return Finding(path, problem, f"remove it, then `dvc repro {stage}`", stage, removal(*remove))


def _older(workspace: Workspace, entry: dict[str, Any], doubtful: Collection[Path]) -> str | None:
    for dep in entry.get("deps", []):
        path = Path(dep["path"])
        if any(path == other or path in other.parents or other in path.parents for other in doubtful):
            continue
        if not (workspace.root / path).exists():
            return f"was made from {path}, which is missing"
        if workspace.md5(path) != dep["md5"]:
            return f"is older than {path}"
    return None


def _other_params(workspace: Workspace, entry: dict[str, Any]) -> str | None:
    for key, value in entry.get("params", {}).get("params.yaml", {}).items():
        if _parameter(workspace.params, key) != value:
            return f"was made with another {key} than params.yaml has"
    return None


def _parameter(params: Any, key: str) -> Any:
    """Returns the value at a place such as datasets.cub200; None where there is none."""
    for part in key.split("."):
        params = params.get(part) if isinstance(params, dict) else None
    return params
