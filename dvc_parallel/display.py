"""What a person sees of a run: one live table on a terminal, plain lines in a log."""

import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from dvc_parallel.jobs import Job


class Display:
    """The terminal or the log; a context, in which the table is there."""

    def __init__(self, file: TextIO | None = None) -> None:
        """Takes where to show it, standard output by default."""
        self._console = Console(file=file, highlight=False, markup=False, emoji=False, soft_wrap=True)
        table = Live(console=self._console, auto_refresh=False, transient=True)
        self._live = table if (file or sys.stdout).isatty() else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def line(self, text: str) -> None:
        """Prints a line."""
        with suppress(OSError):  # a closed terminal
            self._console.print(text) if self._live else print(text, flush=True)

    def detail(self, text: str) -> None:
        """Prints a line in a log; a terminal has the table."""
        if not self._live:
            self.line(text)

    def output(self, job: Job, lines: Sequence[str]) -> None:
        """Shows in a log what a stage has printed."""
        for line in lines:
            self.detail(f"{job.name} | {line}")

    def failure(self, job: Job) -> None:
        """Shows the end of what a stage has printed, where that is not there already."""
        if self._live:
            self.line("\n".join(f"{job.name} | {line}" for line in job.last_lines()))

    def refresh(self, jobs: Collection[Job], done: int, total: int) -> None:
        """Shows what runs."""
        if self._live:
            self._live.update(_table(jobs, done, total), refresh=True)
            return
        for job in jobs:
            if job.silent_s > job.patience_s:
                self.line(f"{job.name}: has printed nothing for {duration(job.silent_s)}")
                job.patience_s *= 2


def _table(jobs: Collection[Job], done: int, total: int) -> Table:
    title = f"{done} of {total} stages done, {len(jobs)} running"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("stage", "runs for", "epoch", "loss", "time left", "silent for"):
        table.add_column(column, justify="left" if column == "stage" else "right", no_wrap=True)
    for job in jobs:
        left = "" if job.left_s is None else duration(job.left_s)
        silent = duration(job.silent_s) if job.silent_s > 10 else ""
        table.add_row(job.name, duration(job.seconds), job.epoch, job.loss, left, silent)
    return table


def duration(seconds: float) -> str:
    """Returns "3.2 s", "42 s", "3 min 20 s" or "2 h 10 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_of_hour = divmod(minutes, 60)
    return f"{hours} h {minutes_of_hour} min" if hours else f"{minutes} min {rest} s"
