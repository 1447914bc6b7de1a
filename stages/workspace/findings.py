"""What a check finds, and what a repair may remove because of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.runtime.atomic import remove


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        place: the file or folder, relative to the workspace.
        problem: what was found, and what was expected.
        remedy: what fixes it.
        repair: removes what is wrong and returns what it did; None if nothing may be removed.
    """

    place: Path
    problem: str
    remedy: str
    repair: Callable[[], str] | None = None

    def __str__(self) -> str:
        """Returns the line that `verify` prints."""
        return f"{self.place} {self.problem}; {self.remedy}"


def removal(root: Path, *places: Path) -> Callable[[], str]:
    """Returns a repair that removes files and folders, given relative to the workspace."""

    def repair() -> str:
        for place in places:
            remove(root / place)
        return f"removed {', '.join(map(str, places))}"

    return repair


def guarded(place: Path, found: Iterable[Finding]) -> Iterator[Finding]:
    """Yields what a check finds; a check that fails is reported, but nothing is removed because of it."""
    try:
        yield from found
    except Exception as error:
        reason = str(error) if str(error) else type(error).__name__
        yield Finding(place, f"could not be checked: {reason}", "nothing was removed")


def places(findings: Iterable[Finding]) -> list[Path]:
    """Returns where something was found."""
    return [finding.place for finding in findings]
