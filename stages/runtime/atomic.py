"""Outputs appear whole or not at all: written under a temporary name, then renamed."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.runtime import locks


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a path in the same folder to write a file or folder at; renames it to `path` at the end.

    Another process that replaces it at the same time waits. If the block raises, what it wrote is removed and
    `path` stays as it was. The next process removes what a killed one left there. Outputs that take long to
    write need a lock of their own, see `locks.held`.
    """
    partial, replaced = (path.with_name(f".{path.name}{end}") for end in (".partial", ".replaced.partial"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with locks.held(path.with_name(f".{path.name}.replaced.lock"), writing=path):
        _clear(path, partial, replaced)
        try:
            yield partial
            _sync(partial)
            if path.is_dir():  # which no rename replaces
                path.rename(replaced)
            partial.replace(path)
        finally:
            _clear(path, partial, replaced)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON with sorted keys, so that equal values are equal bytes.

    Raises:
        ValueError: `value` holds NaN or an infinity, which JSON does not know.
    """
    with replacing(path) as partial:
        text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        partial.write_text(text + "\n", encoding="utf-8")


def link(source: Path, target: Path) -> None:
    """Gives a file a second name; copies it where the file system has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def remove(path: Path) -> None:
    """Removes a file or a folder with all it holds, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _clear(path: Path, partial: Path, replaced: Path) -> None:
    """Removes an unfinished output; restores the old one where a killed process had moved it aside."""
    remove(partial)
    if replaced.exists() and not path.exists():
        replaced.rename(path)
    remove(replaced)


def _sync(path: Path) -> None:
    """Waits until the bytes are on the disk, so that a power cut cannot leave a name without them."""
    for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
