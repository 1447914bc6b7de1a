"""dvc.lock: DVC's record of what each stage read and wrote, which it does not write in one piece."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages import parameters
from stages.atomic import replacing
from stages.errors import InputError


def read(path: Path) -> dict[str, Any] | None:
    """Returns the entry of each stage: cmd, deps, params and outs; None where the file is not whole.

    DVC killed while it writes leaves it cut off, and can then not read it itself.

    Raises:
        InputError: no such file.
    """
    if not path.exists():
        raise InputError(f"no {path}; run the command in the study's folder, after a first `dvc repro`")
    try:
        entries = parameters.load(path).get("stages")
    except InputError:
        return None
    return entries if isinstance(entries, dict) and all(map(_is_whole, entries.values())) else None


def keep_whole_entries(path: Path) -> None:
    """Removes the last entry, in which the file was cut off; removes the file where there is no other.

    Raises:
        InputError: it is broken before its last entry too, as by a merge.
    """
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if re.match("  [^ -]", line)]
    if len(starts) < 2:
        return path.unlink()
    with replacing(path) as partial:
        partial.write_text("".join(lines[: starts[-1]]), encoding="utf-8")
        if read(partial) is None:
            raise InputError(
                f"{path} is broken before its last entry too; `git checkout {path}`, or remove it:"
                " `dvc repro` takes what it ran before from its cache"
            )


def without(text: str, stages: Collection[str]) -> str:
    """Returns the text of a dvc.lock without the entries of some stages; the rest stays as it is."""
    kept, end = "", 0
    for name, start, stop in _extents(text):
        if name in stages:
            kept, end = kept + text[end:start], stop
    return kept + text[end:]


def forget(path: Path, stages: Collection[str]) -> None:
    """Removes the entries of some stages; the whole file, where no other is left."""
    text = without(path.read_text(encoding="utf-8"), stages)
    if any(_extents(text)):
        _write(path, text)
    else:
        path.unlink()


def _is_whole(entry: Any) -> bool:
    """Returns whether DVC's schema would take an entry, as far as one that was cut off may fail it."""
    if not isinstance(entry, dict) or not isinstance(entry.get("cmd"), str):
        return False
    params = entry.get("params", {})
    records = [record for kind in ("deps", "outs") if kind in entry for record in entry[kind] or [None]]
    return (
        isinstance(params, dict)
        and all(isinstance(values, dict) for values in params.values())
        and all(isinstance(record, dict) and _is_record(record) for record in records)
    )


def _is_record(record: Mapping[str, Any]) -> bool:
    texts = (record.get(key) for key in ("path", "hash", "md5"))
    numbers = (record[key] for key in ("size", "nfiles") if key in record)
    return all(isinstance(text, str) for text in texts) and all(type(number) is int for number in numbers)


def _extents(text: str) -> Iterator[tuple[str, int, int]]:
    """Yields each stage's name and where the lines of its entry begin and end."""
    root = YAML(typ="safe", pure=True).compose(text)
    stages = next((value for key, value in root.value if key.value == "stages"), None)
    keys = [key for key, _ in stages.value] if stages else []
    starts = [text.rfind("\n", 0, key.start_mark.index) + 1 for key in keys]
    yield from zip((key.value for key in keys), starts, [*starts[1:], len(text)], strict=False)


def _write(path: Path, text: str) -> None:
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
