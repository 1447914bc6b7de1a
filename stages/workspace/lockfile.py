"""dvc.lock: what each stage read and wrote; DVC does not write it in one piece."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.runtime.errors import InputError

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


def read(path: Path) -> dict[str, list[Out]]:
    """Returns the outputs of each stage.

    Raises:
        InputError: no such file, a merge left it with conflicts, or DVC was killed while writing it.
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
    outs = _outs(text)
    if outs is None:
        raise InputError(
            f"{path} is cut off, as a killed DVC leaves it; `git checkout {path}`, or remove it, then"
            " `dvc repro`, which takes what has run from its cache"
        )
    return outs


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
