"""Outputs appear whole or not at all: written beside their place, then renamed into it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a path beside `path` to write a file or folder at; renames it to `path` at the end.

    Where the block raises, what it wrote is removed and `path` stays as it was. What a killed process
    left there is removed by the next one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    _remove(partial)
    try:
        yield partial
        if path.is_dir():
            shutil.rmtree(path)
        partial.replace(path)
    finally:
        _remove(partial)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON with sorted keys, so that equal values are equal bytes.

    Raises:
        ValueError: `value` holds NaN or an infinity, which JSON does not know.
    """
    with replacing(path) as partial:
        text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        partial.write_text(text + "\n", encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
