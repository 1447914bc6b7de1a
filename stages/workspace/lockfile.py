"""dvc.lock: what each stage read and wrote, which DVC does not write in one piece; and its Git history."""

import re
import subprocess
from collections.abc import Collection
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
        stage: that wrote it.
        md5: of the file, or of the list of a folder's files, with ".dir" behind.
    """

    path: Path
    stage: str
    md5: str


def read(path: Path) -> dict[str, list[Out]] | None:
    """Returns the outputs of each stage; None where DVC was killed while it wrote the file.

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
    """Returns the finding of a dvc.lock that DVC was killed at."""
    remedy = f"`git checkout {NAME}`, or --repair keeps the entries before the break"
    return Finding(Path(NAME), "is cut off, as a killed DVC leaves it", remedy, partial(_cut, root / NAME))


def _cut(path: Path) -> str:
    """Removes the last entry; where nothing whole is left, it was not cut off, and stays as it is."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if re.match("  [^ -]", line)]
    text = "".join(lines[: starts[-1]]) if starts else ""
    if not _outs(text):
        raise InputError(f"no whole entry before the break; `git checkout {path}`, or remove it")
    _write(path, text)
    return f"removed the last entry of {path}"


def forget(path: Path, stages: Collection[str]) -> None:
    """Removes the entries of some stages; the rest stays byte for byte."""
    text = path.read_text(encoding="utf-8")
    root = YAML(typ="safe", pure=True).compose(text)
    entries = next(value.value for key, value in root.value if key.value == "stages")
    starts = [text.rfind("\n", 0, key.start_mark.index) + 1 for key, _ in entries]
    kept = text[: starts[0]]
    for (key, _), start, end in zip(entries, starts, [*starts[1:], len(text)], strict=True):
        kept += "" if key.value in stages else text[start:end]
    _write(path, kept)


def history(root: Path) -> dict[Path, set[str]]:
    """Returns all outputs that dvc.lock named in any commit, with their MD5s; none without Git."""
    commits = _git(root, "log", "--format=%H:./dvc.lock", "--", NAME)
    found: dict[Path, set[str]] = {}
    section, path = "", Path()
    for line in _git(root, "cat-file", "--batch", input=commits).splitlines():
        match = re.match(r"    (\w+):$|    - path: (.+)|      md5: (\S+)", line)
        if match and match[1]:
            section = match[1]
        elif match and match[2]:
            path = Path(match[2].strip("'\""))
        elif match and section == "outs":
            found.setdefault(path, set()).add(match[3].strip("'\""))
    return found


def _git(root: Path, *arguments: str, input: str = "") -> str:
    done = subprocess.run(["git", *arguments], cwd=root, input=input, capture_output=True, text=True)
    return "" if done.returncode else done.stdout


def _outs(text: str) -> dict[str, list[Out]] | None:
    """Returns the outputs of each stage; None where the text ends within a line, a value or an output."""
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


def _write(path: Path, text: str) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
