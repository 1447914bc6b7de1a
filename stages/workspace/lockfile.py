"""dvc.lock: what each stage read and wrote; DVC does not write it in one piece."""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.runtime.atomic import replacing
from stages.runtime.errors import InputError
from stages.workspace.findings import Finding

NAME = "dvc.lock"
CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)


@dataclass(frozen=True)
class Out:
    """An output as DVC recorded it.

    Attributes:
        path: relative to the workspace.
        stage: the one that wrote it.
        md5: of the file, or of the list of a folder's files, followed by ".dir".
    """

    path: Path
    stage: str
    md5: str


def read(path: Path) -> dict[str, list[Out]] | None:
    """Returns the outputs of each stage; None if DVC was killed while writing the file.

    Raises:
        InputError: no such file, or a merge left it with conflicts.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist; run the command in the study's folder, after a `dvc repro`")
    text = path.read_text(encoding="utf-8", errors="replace")
    conflict = CONFLICT.search(text)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        raise InputError(
            f"a merge left a conflict in line {line}; keep one side (`git checkout --ours {path}` or"
            " `--theirs`), then `dvc repro`"
        )
    return _outs(text)


def cut_off(root: Path) -> Finding:
    """Returns the finding for a dvc.lock that DVC was killed while writing."""
    remedy = f"`git checkout {NAME}`, or --repair keeps the entries before the break"
    return Finding(Path(NAME), "is cut off, as a killed DVC leaves it", remedy, partial(_cut, root / NAME))


def _cut(path: Path) -> str:
    """Removes the last entry; if nothing whole would be left, it was not cut off, and stays as it is."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if re.match("  [^ -]", line)]
    text = "".join(lines[: starts[-1]]) if starts else ""
    if not _outs(text):
        raise InputError(f"no whole entry before the break; `git checkout {path}`, or remove it")
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return f"removed the last entry of {path}"


def _outs(text: str) -> dict[str, list[Out]] | None:
    """Returns the outputs of each stage; None if the text ends within a line, a value or an output."""
    if not text.endswith("\n") or text.endswith(":\n"):
        return None
    try:
        entries: dict[str, Any] = YAML(typ="safe", pure=True).load(text)["stages"]
        return {
            stage: [Out(Path(out["path"]), stage, out["md5"]) for out in entry.get("outs", [])]
            for stage, entry in entries.items()
        }
    except (YAMLError, TypeError, KeyError, AttributeError):
        return None
