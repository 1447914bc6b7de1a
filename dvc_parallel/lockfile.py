"""dvc.lock, written in the order of one `dvc repro` whatever ends first, and whole or not at all.

DVC parses and prints the whole file after every stage, which takes 0.6 s for sixty, and being killed while it
prints cuts the file off. Here one entry is printed, by DVC's own printer, and put among the others.
"""

import io
import json
import re
from pathlib import Path
from typing import Any

from dvc.stage import Stage
from dvc.stage.loader import StageLoader
from dvc.stage.serialize import to_lockfile
from dvc.utils.serialize._yaml import _dump, parse_yaml, parse_yaml_for_update

from dvc_parallel import files

HEAD = "schema: '2.0'\nstages:\n"
LOCK = Path("dvc.lock")
ORDER = files.RUN / "order.json"


class Entries:
    """The entries of dvc.lock.

    `dvc repro` leaves those that are there in their places and appends others in the order of its plan. So
    that runs that are cut short end in the same order, ORDER says how many were there before the first.
    """

    def __init__(self, plan: tuple[str, ...]) -> None:
        """Takes the order in which `dvc repro` would run the stages."""
        self._rank = {name: number for number, name in enumerate(plan)}
        self._text = _read()
        self._blocks: dict[str, str] | None = None  # stage -> its lines; None where they are not known
        self._n_fixed: int | None = None
        self._foreign: dict[str, Any] = {}

    def refresh(self, stage: Stage) -> None:
        """Gives a stage what another process recorded of it after DVC read dvc.lock."""
        self._read_again()
        if entry := self._foreign.get(stage.addressing):
            StageLoader.fill_from_lock(stage, entry)
            stage.cmd_changed = entry["cmd"] != stage.cmd

    def record(self, stage: Stage) -> None:
        """Writes what DVC's own `stage.dump` would write."""
        self._read_again()
        if self._blocks is None:
            self._blocks = _parsed(self._text)
        if self._blocks is None or stage.path_in_repo != "dvc.yaml":
            stage.dump(update_pipeline=False)
            self._text, self._blocks = _read(), None
            return
        if self._n_fixed is None:
            self._n_fixed = _n_fixed(list(self._blocks))
        printed = _printed({"schema": "2.0", "stages": to_lockfile(stage)})
        self._blocks = self._placed(stage.name, printed.removeprefix(HEAD))
        text, self._text = self._text, HEAD + "".join(self._blocks.values())
        if self._text != text:
            files.write(ORDER, json.dumps({"names": list(self._blocks), "fixed": self._n_fixed}))
            files.write(LOCK, self._text)
        stage.repo.scm_context.track_file(str(LOCK))

    def _read_again(self) -> None:
        if (text := _read()) != self._text:  # another process has written it
            self._text, self._blocks = text, None
            self._foreign = parse_yaml(text, LOCK).get("stages", {})

    def forget_order(self) -> None:
        """Notes that a plan was gone through to its end."""
        ORDER.unlink(missing_ok=True)

    def _placed(self, name: str, block: str) -> dict[str, str]:
        """Returns the blocks with another one in its place."""
        names = list(self._blocks)
        if name not in names:
            later = [
                other for other in names[self._n_fixed :] if self._rank.get(other, -1) > self._rank[name]
            ]
            names.insert(names.index(later[0]) if later else len(names), name)
        return {other: block if other == name else self._blocks[other] for other in names}


def _read() -> str:
    return LOCK.read_text(encoding="utf-8") if LOCK.exists() else ""


def _printed(content: Any) -> str:
    stream = io.StringIO()
    _dump(content, stream)
    return stream.getvalue()


def _parsed(text: str) -> dict[str, str] | None:
    """Returns the lines of each entry as DVC would print them; None where the file holds something else."""
    if not text:
        return {}
    content = parse_yaml_for_update(text, LOCK)
    head, *blocks = re.split(r"(?m)^(?=  \S)", _printed(content))
    names = list(content.get("stages", {}))
    return dict(zip(names, blocks, strict=True)) if head == HEAD and len(names) == len(blocks) else None


def _n_fixed(names: list[str]) -> int:
    """Returns how many entries of the file were there before the runs that were cut short."""
    try:
        left = json.loads(ORDER.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return len(names)
    n, ours = left["fixed"], left["names"]
    is_ours = names == [name for name in ours if name in names] and names[:n] == ours[:n]
    return n if is_ours else len(names)
