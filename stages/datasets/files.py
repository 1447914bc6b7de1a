"""The files of a folder of your own: which are images, and whether they are what DVC hashes, too.

DVC hashes all files of a folder, but follows no link to a folder inside it.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from stages.datasets.images import SUFFIXES
from stages.runtime.errors import InputError, printable, some

# Folders that storages and systems leave, with thumbnails or removed images inside.
LITTER = {"@eadir", "#recycle", "lost+found", "__macosx", "$recycle.bin", "system volume information"}


class Found(NamedTuple):
    """The images below a folder, and how many other files there are of which kind."""

    images: list[Path]
    skipped: Counter[str]


def images_below(folder: Path) -> Found:
    """Finds the images of a folder, however deep; the one rule for what is an image of a folder."""
    images, skipped = [], Counter()
    for path in _walked(folder):
        parts = path.relative_to(folder).parts
        litter = [part for part in parts[:-1] if part.lower() in LITTER]
        if litter:
            skipped[f"in {litter[0]}"] += 1
        elif any(part.startswith(".") for part in parts):
            skipped["hidden"] += 1
        elif path.suffix.lower() in SUFFIXES and path.is_file():
            images.append(path)
        elif path.exists() and not path.is_file():
            skipped["pipe, socket or device"] += 1
        else:
            skipped[path.suffix.lower() or "without suffix"] += 1
    return Found(sorted(images), skipped)


def folders_in(folder: Path) -> list[str]:
    """Returns the names of folders that may be classes: neither hidden nor left by a system."""
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    return [name for name in names if not name.startswith(".") and name.lower() not in LITTER]


def state(place: Path) -> dict[str, tuple[int, ...]]:
    """Returns size, time and number of each file: two states are equal if nothing changed in between.

    Args:
        place: a folder, or one file.
    """
    found = {}
    for path in [place] if place.is_file() else _walked(place):
        try:
            now = path.stat()
        except FileNotFoundError:
            continue  # `check` has refused it, or it is gone: the states differ either way
        found[str(path)] = (now.st_size, now.st_mtime_ns, now.st_ino)
    return found


def check(place: Path) -> None:
    """Refuses what DVC would not hash, or could not.

    Args:
        place: `from` of a dataset: a folder, or one file.

    Raises:
        InputError: it is not there; or there are files in it that may not be read, names that are not UTF-8,
            links to folders or to nowhere, or rules that make DVC ignore files.
    """
    if str(place).startswith("~"):
        raise InputError(f"`from` is {str(place)!r}, but `~` means nothing to DVC; write the whole path")
    if not place.exists():
        what = f"is a link to {place.readlink()}, which" if place.is_symlink() else "is your own input, but"
        raise InputError(f"{place} {what} does not exist; correct `from` in params.yaml, or put it there")
    found = [(path, _problem(path)) for path in (place.resolve(), *_walked(place, with_folders=True))]
    problems = [f"{printable(str(path))} {problem}" for path, problem in found if problem]
    if problems:
        listed = some(problems, 5, "\n  ")
        raise InputError(f"{place}: DVC cannot hash what it holds:\n  {listed}")


def _problem(path: Path) -> str | None:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return "has a name that is not UTF-8, as files from an old zip archive do; rename it"
    if path.name == ".dvcignore":
        return "hides files from DVC that would be read; remove it"
    if path.is_symlink() and not path.exists():
        return f"is a link to {path.readlink()}, which does not exist; mend or remove it"
    if path.exists() and not (path.is_file() or path.is_dir()):
        return "is a pipe, socket or device, which DVC would wait for; remove it"
    if path.is_symlink() and path.is_dir():
        return f"links to a folder, {path.readlink()}; put that folder itself there, or make `from` the link"
    if not os.access(path, os.R_OK):
        return "may not be read; change its permissions or its owner"
    return None


def _walked(folder: Path, *, with_folders: bool = False) -> Iterator[Path]:
    """Yields all files below a folder, perhaps also its folders."""
    for top, folders, files in os.walk(folder):
        for name in files + (folders if with_folders else []):
            yield Path(top, name)
