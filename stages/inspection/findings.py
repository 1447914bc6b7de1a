"""What an inspection finds."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stages.atomic import remove


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        place: the file or folder, relative to the workspace.
        problem: what was found, and what was expected.
        remedy: what heals it.
        stage: whose outputs are not to be believed; "" for none.
        repair: removes what is wrong, so that DVC makes or fetches it again; None where DVC does all.
    """

    place: Path
    problem: str
    remedy: str
    stage: str = ""
    repair: Callable[[], None] | None = None

    def __str__(self) -> str:
        """Says it all in one line."""
        return f"{self.place} {self.problem}; {self.remedy}"


def removal(*paths: Path) -> Callable[[], None]:
    """Returns a repair that removes files and folders."""

    def repair() -> None:
        for path in paths:
            remove(path)

    return repair


def unneeded(root: Path, path: Path, problem: str) -> Finding:
    """Returns the finding of something that nothing needs."""
    return Finding(path.relative_to(root), problem, "remove it", repair=removal(path))
