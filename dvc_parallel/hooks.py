"""What a project may tell the runner of its stages beyond `meta` in dvc.yaml.

A project that wants more than `meta` has a command of its own of two lines: it passes an object of a subclass
of `Hooks` to `dvc_parallel.command.main`. Each method has a default that fits a project that says nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


class Hooks:
    """Defaults.

    Attributes:
        preload: module that imports what stages take long to import, or "". A process imports it once, and
            stages whose `cmd` is `exec python -m MODULE ARGUMENTS`, of the same package, are forked from it.
        checkpoints: folder from which interrupted stages resume, or ""; on a cluster it survives a node.
        part: what parts of equal cost that a stage consists of are called, see `meta`.
        foreseen: file -> text that a stage will write there, if known before it runs.
    """

    preload = ""
    checkpoints = ""
    part = "part"
    foreseen: Mapping[str, str] = {}

    def meta(self, deps: Sequence[str], read: Callable[[str], str | None]) -> dict[str, Any]:
        """Returns what to add to the `meta` of a stage.

        Args:
            deps: what the stage reads.
            read: returns the text of such a file as the stage will find it; None if it is not there yet.
        """
        return {}

    def parts_done(self, outs: Sequence[Path], since: float) -> int:
        """Returns how many parts a finished stage computed; others may have been kept from an earlier run.

        Args:
            outs: what the stage writes.
            since: when it began, by the clock of files.
        """
        return 1

    def parts_kept(self, reasons: Sequence[str]) -> int:
        """Returns how many parts of a former run a stage will keep that runs for these reasons."""
        return 0

    def differences(self, path: str, old: str, new: str) -> list[str]:
        """Returns how a foreseen text differs from the one that its reader ran with, a line each."""
        return [f"{path} changed"]

    def environment(self, cores: int) -> dict[str, str]:
        """Returns variables for a stage on a node of a cluster that gives it so many cores."""
        return {}
