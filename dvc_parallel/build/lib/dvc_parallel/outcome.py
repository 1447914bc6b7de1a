"""What became of the stages of a run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dvc_parallel import files
from dvc_parallel.display import duration

LOGS = files.RUN / "logs"


@dataclass
class Outcome:
    """The stages of a plan by what became of them; those in none of the lists did not run.

    Attributes:
        ran: their commands ran.
        restored: the run cache had their results.
        unchanged: they were up to date.
        failed: stage -> why.
        stopped: a signal ended them.
        logged: those of the failed ones whose command has begun.
    """

    ran: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    logged: set[str] = field(default_factory=set)

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
        for name in self.failed:
            yield f"{name} failed: {self.failed[name]}" + (
                f"; its log: {log(name)}" if name in self.logged else ""
            )
        if self.failed or self.stopped:
            yield "what is done is recorded; run the same command again for the rest"
        found = ", ".join(f"{len(names)} {what}" for what, names in counts.items() if names)
        yield f"{len(plan)} stages: {found}, in {duration(seconds)}"


def log(name: str) -> Path:
    """Returns the log file of a stage."""
    return LOGS / f"{name.replace('/', '_')}.log"
