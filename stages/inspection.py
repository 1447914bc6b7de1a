"""What is wrong in a workspace: bytes that are not those DVC recorded, leftovers, figures that do not follow.

DVC believes its cache: an object with other bytes passes its status, checkout and repro silently.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.datasets.hashes import file_hash
from stages.errors import InputError
from stages.results.classification import measure
from stages.results.predictions import read_predictions

CACHE = Path(".dvc", "cache", "files", "md5")
LOCK = Path(".dvc", "tmp", "rwlock")
Known = dict[tuple[int, int], str]  # MD5 by device and inode
UNFINISHED = ("data", "models", "metrics", "plots")  # folders where `*.partial` may be left


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        place: the file or folder, relative to the workspace.
        problem: what was found, and what was expected.
        remedy: what heals it.
        remove: what a repair removes, so that DVC makes or fetches it again.
    """

    place: Path
    problem: str
    remedy: str
    remove: tuple[Path, ...] = ()


def wrong_outputs(root: Path, lock: Mapping[str, Any]) -> Iterator[Finding]:
    """Hashes every output that dvc.lock names, in the workspace and in the cache, each file once.

    Args:
        root: the folder that holds dvc.lock.
        lock: the content of dvc.lock.
    """
    known: Known = {}
    for stage, entry in lock["stages"].items():
        for out in entry.get("outs", []):
            path, md5 = Path(out["path"]), out["md5"]
            yield from _wrong_in_workspace(root, stage, path, md5, known)
            yield from _wrong_in_cache(root, stage, path, md5, known)


def leftovers(root: Path, names: Iterable[str]) -> Iterator[Finding]:
    """Finds results of variants that params.yaml no longer has, and what killed processes left."""
    variants = set(names)
    results = [
        *(
            (path, path.name)
            for folder in ("models", "plots/variants")
            for path in (root / folder).glob("[!.]*")
        ),
        *((path, path.stem) for path in (root / "metrics").glob("*.json")),
        *((path, path.stem) for path in (root / ".checkpoints").glob("*.npz")),
    ]
    for path, name in sorted(results):
        if name not in variants:
            yield _removable(root, path, f"belongs to {name!r}, which is no variant of params.yaml")
    for folder in UNFINISHED:
        for path in sorted((root / folder).rglob("*.partial")):
            yield _removable(root, path, "was left half-written by a killed process")
    if (root / LOCK).exists() and not _is_json(root / LOCK):
        yield _removable(root, root / LOCK, "is no JSON, so that every dvc repro fails")


def wrong_metrics(root: Path, names: Iterable[str]) -> Iterator[Finding]:
    """Measures predictions again and compares with what metrics/<variant>.json says."""
    for name in names:
        metrics, predictions = root / "metrics" / f"{name}.json", root / "models" / name / "predictions.npz"
        if metrics.exists() and predictions.exists():
            problem = _metrics_problem(metrics, predictions)
            if problem:
                yield _removable(root, metrics, problem, then=", then `dvc repro`")


def _wrong_in_workspace(root: Path, stage: str, path: Path, md5: str, known: Known) -> Iterator[Finding]:
    """Compares a file or folder with the hash in dvc.lock."""
    place = root / path
    if not place.exists():
        yield Finding(path, "is missing", f"`dvc checkout`, or where that fails `dvc repro {stage}`")
    elif (_tree_md5(place, known) if place.is_dir() else _once(place, known)) != md5:
        yield Finding(path, "is not what its stage wrote", f"remove it, then `dvc repro {stage}`", (place,))


def _wrong_in_cache(root: Path, stage: str, path: Path, md5: str, known: Known) -> Iterator[Finding]:
    """Compares an object in the cache, where there is one, and those it lists, with their names."""
    object_ = _object(root, md5)
    if not object_.exists():
        return
    remedy = f"remove it, then `dvc repro {stage}`"
    if _once(object_, known) != md5.removesuffix(".dir"):
        yield Finding(path, "has other bytes in the cache than dvc.lock says", remedy, (object_, root / path))
    elif md5.endswith(".dir"):
        for entry in json.loads(object_.read_text(encoding="utf-8")):
            yield from _wrong_in_cache(root, stage, path / entry["relpath"], entry["md5"], known)


def _object(root: Path, md5: str) -> Path:
    return root / CACHE / md5[:2] / md5[2:]


def _tree_md5(folder: Path, known: Known) -> str:
    """Returns the hash of a folder as DVC makes it: of the list of its files, with their hashes."""
    files = sorted(
        (path.relative_to(folder).as_posix(), path)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".partial"
    )
    listed = [{"md5": _once(path, known), "relpath": name} for name, path in files]
    digest = hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False)
    return f"{digest.hexdigest()}.dir"


def _metrics_problem(metrics: Path, predictions: Path) -> str | None:
    try:
        said = json.loads(metrics.read_text(encoding="utf-8"))
        measured = read_predictions(predictions)
    except (InputError, ValueError) as error:
        return f"cannot be compared with its predictions: {error}"
    for split in ("validation", "test"):
        for key, value in measure(getattr(measured, split)).items():
            told = said.get(split, {}).get(key, math.nan)
            if not math.isclose(told, value, rel_tol=1e-9, abs_tol=1e-12):
                return f"says {split}.{key} {told}, its predictions give {value}"
    return None


def _removable(root: Path, path: Path, problem: str, then: str = "") -> Finding:
    return Finding(path.relative_to(root), problem, f"remove it{then}", (path,))


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


def _once(path: Path, known: Known) -> str:
    """Returns a file's MD5; a hard link is not read again."""
    status = path.stat()
    key = (status.st_dev, status.st_ino)
    if key not in known:
        known[key] = file_hash(path, "md5")
    return known[key]
