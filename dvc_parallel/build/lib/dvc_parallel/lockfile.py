"""dvc.lock, written in the order of one `dvc repro` whatever ends first, and whole or not at all.

DVC parses and prints the whole file after every stage, which takes 0.6 s for sixty, and being killed while it
prints cuts the file off. Here one entry is printed, by DVC's own printer, and put among the others.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from dvc_parallel import files, internals
from dvc_parallel.internals import Entry, PipelineStage
from dvc_parallel.order import Order

HEAD = "schema: '2.0'\nstages:\n"


class Lockfile:
    """The entries of one dvc.lock."""

    def __init__(self, path: Path, plan: Sequence[str]) -> None:
        """Takes the file, and the order in which `dvc repro` would run its stages."""
        self._path = path
        self.order = Order(path, {name: number for number, name in enumerate(plan)})
        self._text = self._read()
        self._blocks: dict[str, str] | None = None  # stage -> its lines; None where they are not known
        self._around = HEAD, ""  # what stands before and behind them
        self._foreign: dict[str, Entry] = {}

    def refresh(self, stage: PipelineStage) -> None:
        """Gives a stage what another process recorded of it after DVC read dvc.lock."""
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
        """Takes the file apart as DVC would print it; leaves it whole where it is not of that form."""
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
