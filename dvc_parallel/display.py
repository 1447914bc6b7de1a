"""What a person sees of a run: one live table on a terminal, plain lines in a log."""

import os
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from dvc_parallel import files
from dvc_parallel.jobs import Job

# What moves or colours a terminal: a title, a colour, a step of the cursor.
ESCAPES = re.compile(r"\x1b(\][^\x07\x1b]*(\x07|\x1b\\)?|\[[0-?]*[ -/]*[@-~]?|[^\[\]])")
COLUMNS = ("runs for", "epoch", "loss", "time left", "silent for")
LOGS = files.RUN / "logs"
DONE = ("ran", "restored", "up to date")
OUTCOMES = (*DONE, "failed", "stopped", "not started")  # of a stage
LAST_LINES = 10  # of a log: what a terminal shows of a failure
NAMED = 3  # failed stages that the last lines name
SILENT_S = 10  # after so long without output the table says so


class Display:
    """The terminal or the log; a context, in which the table is there."""

    def __init__(self, file: TextIO | None = None) -> None:
        """Shows it in a file, by default on standard output."""
        self._file = file or sys.stdout
        self._console = Console(file=self._file, highlight=False, markup=False, emoji=False, soft_wrap=True)
        table = Live(console=self._console, auto_refresh=False, transient=True)
        self._live = table if self._file.isatty() else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            with self._readable():
                self._live.stop()

    def line(self, text: str) -> None:
        """Prints a line."""
        with self._readable():
            self._console.print(text) if self._live else print(text, file=self._file, flush=True)

    def detail(self, text: str) -> None:
        """Prints a line in a log; a terminal has the table."""
        if not self._live:
            self.line(text)

    def output(self, job: Job, lines: Sequence[str]) -> None:
        """Shows in a log what a stage has printed."""
        for line in lines:
            self.detail(f"{job.name} | {shown(line)}")

    def failure(self, job: Job) -> None:
        """Shows the end of what a stage has printed, unless it has been shown already."""
        if self._live:
            lines = job.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
            self.line("\n".join(f"{job.name} | {shown(line)}" for line in lines))

    def refresh(self, jobs: Collection[Job], done: int, total: int) -> None:
        """Shows what runs."""
        if self._live:
            with self._readable():
                self._live.update(_table(jobs, done, total), refresh=True)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Lets the run continue if its terminal was closed or its reader has left."""
        try:
            yield
        except OSError:
            self._live = None
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._file.fileno())


def shown(line: str) -> str:
    """Returns a line as any terminal can show it, without what controls one."""
    plain = ESCAPES.sub("", line).expandtabs()
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in plain)


def _table(jobs: Collection[Job], done: int, total: int) -> Table:
    """Returns the table; where it is wider than the terminal, a stage keeps its name."""
    title = f"{done} of {total} stages done, {len(jobs)} running"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    rows = {shown(job.name): job for job in jobs}
    table.add_column("stage", no_wrap=True, min_width=max(map(len, rows), default=0))
    for column in COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    for name, job in rows.items():
        left = "" if job.left_s is None else duration(job.left_s)
        silent = duration(job.silent_s) if job.silent_s > SILENT_S else ""
        table.add_row(name, duration(job.seconds), job.epoch, job.loss, left, silent)
    return table


def duration(seconds: float) -> str:
    """Returns "3.2 s", "42 s", "3 min 20 s" or "2 h 10 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_of_hour = divmod(minutes, 60)
    return f"{hours} h {minutes_of_hour} min" if hours else f"{minutes} min {rest} s"


def summary(outcome: Mapping[str, str], plan: Sequence[str], seconds: float) -> Iterator[str]:
    """Yields the last lines of a run, by stage -> one of OUTCOMES; those that did not start are not there."""
    failed = [name for name, what in outcome.items() if what == "failed"]
    if failed:
        names = ", ".join(failed[:NAMED]) + ", ..." * (len(failed) > NAMED)
        yield f"fix what made {names} fail, then run the same command again; what is done is recorded"
    elif "stopped" in outcome.values():
        yield "run the same command again for the rest; what is done is recorded"
    counts = Counter(outcome.get(name, "not started") for name in plan)
    found = ", ".join(f"{counts[what]} {what}" for what in OUTCOMES if counts[what])
    yield f"{len(plan)} stages: {found}, in {duration(seconds)}"


def log(name: str) -> Path:
    """Returns the log file of a stage."""
    return LOGS / f"{name.replace('/', '_')}.log"
