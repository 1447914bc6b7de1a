"""Whether a trained variant is still what the study says, from dvc.lock only: fast, without asking DVC."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages.workspace import lockfile
from stages.workspace.outputs import Workspace

RESOLVED = Path("data", "resolved")


def reasons(variant: str, expected: Callable[[Path], str | None], root: Path = Path()) -> list[str]:
    """Returns why a variant would be trained again, as far as can be seen without hashing any data.

    Args:
        variant: a trained one.
        expected: from the path of a resolved file to what `resolve` would write now; None if it would not.
        root: the folder of dvc.lock.

    Returns:
        Texts such as "knobs or code of train@final changed"; none if dvc.lock does not know the variant.

    Raises:
        InputError: dvc.lock is cut off, or a merge left it with conflicts.
    """
    path = root / lockfile.NAME
    if not path.exists():
        return []
    lockfile.read(path)
    entries = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))["stages"]
    made = {Path(out["path"]): stage for stage, entry in entries.items() for out in entry.get("outs", ())}
    found: list[str] = []
    waiting = [stage for place, stage in made.items() if place == Path("models", variant)]
    for stage in waiting:
        for dep in entries[stage].get("deps", ()):
            place = Path(dep["path"])
            before = next((made[out] for out in (place, *place.parents) if out in made), None)
            if RESOLVED in place.parents:
                found += _of_knobs(stage, dep, expected(place.relative_to(RESOLVED)))
            elif before is None:
                found += _of_input(dep, Workspace(root, Path(), {}))
            else:
                outs = {out["path"]: out["md5"] for out in entries[before]["outs"]}
                if outs.get(dep["path"], dep["md5"]) != dep["md5"]:
                    found.append(f"{place} was made again")
                waiting += [before] if before not in waiting else []
    return list(dict.fromkeys(found))


def _of_knobs(stage: str, dep: Mapping[str, Any], text: str | None) -> Iterator[str]:
    if text is None:
        yield f"{stage} is no longer in params.yaml"
    elif hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() != dep["md5"]:
        yield f"knobs or code of {stage} changed"


def _of_input(dep: Mapping[str, Any], workspace: Workspace) -> Iterator[str]:
    """Compares number and size of files, which nearly every change to a folder affects."""
    place = workspace.root / dep["path"]
    if not place.exists():
        yield f"{dep['path']} no longer exists"
        return
    names = workspace.files(Path(dep["path"])) if place.is_dir() else [""]
    sizes = [(place / name).stat().st_size for name in names]
    if (sum(sizes), len(sizes)) != (dep["size"], dep.get("nfiles", 1)):
        yield f"the files of {dep['path']} changed"
