"""dvc.lock, written in the order of `dvc repro`, whichever stage ends first, and whole or not at all.

DVC parses and prints the whole file after every stage, which takes 0.6 s for sixty, and being killed while it
prints cuts the file off. Here one entry is printed, by DVC's own printer, and inserted among the others.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from dvc_parallel import files, internals
from dvc_parallel.internals import Entry, PipelineStage

HEAD = "schema: '2.0'\nstages:\n"
ORDER = files.RUN / "order.json"


class Entries:
    """The entries of one dvc.lock."""

    def __init__(self, path: Path, plan: Sequence[str]) -> None:
        """Takes the file, as DVC has read it, and the order in which `dvc repro` would run its stages."""
        self._path = path
        self._order = Order(path, {name: number for number, name in enumerate(plan)})
        self._text = self._read()
        self._blocks = _blocks(self._text)
        self._foreign: dict[str, Entry] = {}

    def read(self) -> None:
        """Takes note of what another process may have written."""
        if (text := self._read()) != self._text:
            self._text, self._blocks = text, _blocks(text)
            self._foreign = internals.parse_yaml(text, self._path).get("stages", {})

    def update(self, stage: PipelineStage) -> None:
        """Gives a stage what another process has recorded of it since DVC read the file."""
        if entry := self._foreign.get(stage.name):
            internals.fill(stage, entry)

    def record(self, stage: PipelineStage) -> None:
        """Writes what DVC's own `stage.dump` would write."""
        if self._blocks is None:
            stage.dump(update_pipeline=False)
            self._text = self._read()
            return
        self._order.begin(list(self._blocks))
        printed = internals.printed({"schema": "2.0", "stages": internals.to_lockfile(stage)})
        blocks = self._blocks | (_blocks(printed) or {})
        self._blocks = {name: blocks[name] for name in self._order.sorted(list(blocks))}
        text = HEAD + "".join(self._blocks.values())
        if text != self._text:
            self._text = text
            files.write(self._path, text)
            stage.repo.scm_context.track_file(str(self._path))

    def _read(self) -> str:
        return self._path.read_text(encoding="utf-8") if self._path.exists() else ""


def _blocks(text: str) -> dict[str, str] | None:
    """Returns stage -> its lines; None for a file in a form in which DVC does not print it."""
    head, body = text[: len(HEAD)], text[len(HEAD) :]
    if not text:
        return {}
    first, *blocks = re.split(r"(?m)^(?=  \S)", body)
    names = [block.partition("\n")[0] for block in blocks]
    is_edited = re.search(r"(?m)^(\S| *#)|[^\n]\Z", body) or not all(name.endswith(":") for name in names)
    if head != HEAD or first or is_edited:
        return None
    return dict(zip([name.strip(" :'\"") for name in names], blocks, strict=True))


class Order:
    """The order of the names in one file: the stages in a dvc.lock, or the lines of a .gitignore.

    `dvc repro` leaves what is there in its place and appends in the order of its plan. So that runs that are
    cut short end in the same order, a note says what was there before the first.
    """

    def __init__(self, path: Path, rank: Mapping[str, int]) -> None:
        """Takes the file, in the project's folder, and the place of each name that the plan may add."""
        self._key, self._rank = str(path), rank
        self._n_fixed: int | None = None

    def begin(self, names: Sequence[str]) -> None:
        """Notes the names that are there before something is added, unless a run that was cut short did."""
        if self._n_fixed is not None:
            return
        try:
            notes = json.loads(ORDER.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            notes = {}
        before = notes.get(self._key)
        if before is None or list(names[: len(before)]) != before:
            before = list(names)
            files.write(ORDER, json.dumps(notes | {self._key: before}))
        self._n_fixed = len(before)

    def sorted(self, names: Sequence[str]) -> list[str]:
        """Returns the names of a file in order: what was there first, then what was added."""
        fixed, added = names[: self._n_fixed], names[self._n_fixed :]
        return [*fixed, *sorted(added, key=lambda name: self._rank.get(name, -1))]
