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


class Entries:
    """The entries of one dvc.lock."""

    def __init__(self, path: Path, plan: Sequence[str]) -> None:
        """Takes the file, and the order in which `dvc repro` would run its stages."""
        self._path = path
        self.order = Order(path, {name: number for number, name in enumerate(plan)})
        self._text = self._read()
        self._blocks: dict[str, str] | None = None  # stage -> its lines; None if not known
        self._around = HEAD, ""  # what stands before and behind them
        self._foreign: dict[str, Entry] = {}

    def refresh(self, stage: PipelineStage) -> None:
        """Updates a stage with what another process has recorded since DVC read dvc.lock."""
        self._read_again()
        if entry := self._foreign.get(stage.name):
            internals.fill(stage, entry)

    def record(self, stage: PipelineStage) -> None:
        """Writes what DVC's own `stage.dump` would write."""
        self._read_again()
        if self._blocks is None:
            self._parse()
        if self._blocks is None:
            stage.dump(update_pipeline=False)
            self._text = self._read()
            return
        printed = internals.printed({"schema": "2.0", "stages": internals.to_lockfile(stage)})
        blocks = self._blocks | {stage.name: printed.removeprefix(HEAD)}
        self._blocks = {name: blocks[name] for name in self.order.sorted(list(self._blocks), list(blocks))}
        head, tail = self._around
        text, self._text = self._text, head + "".join(self._blocks.values()) + tail
        if self._text != text:
            files.write(self._path, self._text)
            stage.repo.scm_context.track_file(str(self._path))

    def _read(self) -> str:
        return self._path.read_text(encoding="utf-8") if self._path.exists() else ""

    def _read_again(self) -> None:
        if (text := self._read()) != self._text:  # another process has written it
            self._text, self._blocks = text, None
            self._foreign = internals.parse_yaml(text, self._path).get("stages", {})

    def _parse(self) -> None:
        """Splits the file into entries if it has the form in which DVC prints it."""
        content = internals.parse_yaml_for_update(self._text, self._path) if self._text else {"stages": {}}
        sections = re.split(r"(?m)^(?=\S)", internals.printed(content))
        starts = [number for number, section in enumerate(sections) if section.startswith("stages:\n  ")]
        if not self._text:
            self._blocks, self._around = {}, (HEAD, "")
        elif len(starts) == 1 and not re.search(r"(?m)^ *#", self._text):  # DVC drops some comments
            head, *blocks = re.split(r"(?m)^(?=  \S)", sections[starts[0]])
            if len(blocks) == len(content["stages"]):
                self._blocks = dict(zip(content["stages"], blocks, strict=True))
                self._around = "".join(sections[: starts[0]]) + head, "".join(sections[starts[0] + 1 :])


class Order:
    """The order of the names in one file: the stages in a dvc.lock, or the lines of a .gitignore.

    `dvc repro` leaves what is there in its place and appends in the order of its plan. So that runs that are
    cut short end in the same order, a note says how many names were there before the first.
    """

    def __init__(self, path: Path, rank: Mapping[str, int]) -> None:
        """Takes the file, in the project's folder, and the place of each name that the plan may add."""
        self._note, self._rank = files.RUN / f"order-{'_'.join(path.parts)}.json", rank
        self._n_fixed: int | None = None

    def begin(self, before: Sequence[str]) -> None:
        """Notes the names that are there before something is added."""
        if self._n_fixed is None:
            self._n_fixed = self._fixed(before)
            files.write(self._note, json.dumps({"names": list(before), "fixed": self._n_fixed}))

    def sorted(self, before: Sequence[str], now: Sequence[str]) -> list[str]:
        """Returns the names of a file in order, and notes that.

        Args:
            before: its names before something was added.
            now: its names.
        """
        self.begin(before)
        fixed, added = now[: self._n_fixed], now[self._n_fixed :]
        names = [*fixed, *sorted(added, key=lambda name: self._rank.get(name, -1))]
        if names != list(before):
            files.write(self._note, json.dumps({"names": names, "fixed": self._n_fixed}))
        return names

    def _fixed(self, names: Sequence[str]) -> int:
        """Returns how many names of the file were there before the runs that were cut short."""
        try:
            left = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return len(names)
        n, ours = left["fixed"], [name for name in left["names"] if name in names]
        # a kill may have come between what was added and its note
        is_ours = list(names[: len(ours)]) == ours and ours[:n] == left["names"][:n]
        return n if is_ours else len(names)
