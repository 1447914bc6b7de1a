"""What a person sees of a run: one live table on a terminal, plain lines in a log."""

import os
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from dvc_parallel import files
from dvc_parallel.jobs import Job

# What moves or colours a terminal: a title, a colour, a step of the cursor.
ESCAPES = re.compile(r"\x1b(\][^\x07\x1b]*(\x07|\x1b\\)?|\[[0-?]*[ -/]*[@-~]?|[^\[\]])")
COLUMNS = ("time left", "epoch", "runs for", "loss", "silent for")  # the first ones stay in a narrow terminal
LOGS = files.RUN / "logs"
NAMED = 3  # failed stages that the last lines name
ORDER = ("runs for", "epoch", "loss", "time left", "silent for")


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
            self.line("\n".join(f"{job.name} | {shown(line)}" for line in job.last_lines()))

    def refresh(self, jobs: Collection[Job], done: int, total: int) -> None:
        """Shows what runs."""
        if self._live:
            with self._readable():
                self._live.update(_table(jobs, done, total, self._console.width), refresh=True)
            return
        for job in jobs:
            if job.silent_s > job.patience_s:
                self.line(f"{job.name}: has printed nothing for {duration(job.silent_s)}")
                job.patience_s *= 2

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


def _table(jobs: Collection[Job], done: int, total: int, width: int) -> Table:
    """Returns the table with as many columns as there is room for; a stage keeps its name."""
    rows = {shown(job.name): _cells(job) for job in jobs}
    room = width - max(map(len, rows), default=0)
    columns = set()
    for column in COLUMNS:
        room -= 2 + max(len(column), *(len(cells[column]) for cells in [{column: ""}, *rows.values()]))
        columns |= {column} if room >= 0 else set()
    title = f"{done} of {total} stages done, {len(jobs)} running"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("stage", no_wrap=True)
    for column in filter(columns.__contains__, ORDER):
        table.add_column(column, justify="right", no_wrap=True)
    for name, cells in rows.items():
        table.add_row(name, *(cells[column] for column in filter(columns.__contains__, ORDER)))
    return table


def _cells(job: Job) -> dict[str, str]:
    return {
        "runs for": duration(job.seconds),
        "epoch": job.epoch,
        "loss": job.loss,
        "time left": "" if job.left_s is None else duration(job.left_s),
        "silent for": duration(job.silent_s) if job.silent_s > 10 else "",
    }


def duration(seconds: float) -> str:
    """Returns "3.2 s", "42 s", "3 min 20 s" or "2 h 10 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_of_hour = divmod(minutes, 60)
    return f"{hours} h {minutes_of_hour} min" if hours else f"{minutes} min {rest} s"


@dataclass
class Outcome:
    """The stages of a plan by what became of them; those in none of the lists did not run.

    Attributes:
        ran: their commands ran.
        restored: the run cache had their results.
        unchanged: they were up to date.
        failed: they failed.
        stopped: a signal ended them.
    """

    ran: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    @property
    def done(self) -> list[str]:
        """The stages that are up to date now."""
        return [*self.ran, *self.restored, *self.unchanged]

    def summary(self, plan: Sequence[str], seconds: float) -> Iterator[str]:
        """Yields the last lines of a run."""
        counts = {"ran": self.ran, "restored": self.restored, "up to date": self.unchanged}
        counts |= {"failed": self.failed, "stopped": self.stopped}
        left = set(plan) - {*self.done, *self.failed, *self.stopped}
        counts["not started"] = [name for name in plan if name in left]
        if self.failed:
            names = ", ".join(self.failed[:NAMED]) + ", ..." * (len(self.failed) > NAMED)
            yield f"fix what made {names} fail, then run the same command again; what is done is recorded"
        elif self.stopped:
            yield "run the same command again for the rest; what is done is recorded"
        found = ", ".join(f"{len(names)} {what}" for what, names in counts.items() if names)
        yield f"{len(plan)} stages: {found}, in {duration(seconds)}"


def log(name: str) -> Path:
    """Returns the log file of a stage."""
    return LOGS / f"{name.replace('/', '_')}.log"
