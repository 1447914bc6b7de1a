"""The order in which one `dvc repro` would have added to a file, whatever ends first.

`dvc repro` leaves what is there in its place and appends in the order of its plan. So that runs that are cut
short end in the same order, a note says how many names were there before the first.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from dvc_parallel import files


class Order:
    """The order of the names in one file, such as the stages in a dvc.lock or the lines of a .gitignore."""

    def __init__(self, path: Path, rank: Mapping[str, int]) -> None:
        """Takes the file, in the project's folder, and the place of each name that the plan may add."""
        self._note, self._rank = files.RUN / f"order-{'_'.join(path.parts)}.json", rank
        self._n_fixed: int | None = None

    def sorted(self, before: Sequence[str], now: Sequence[str]) -> list[str]:
        """Returns the names of a file in order, and notes that.

        Args:
            before: its names before something was added.
            now: its names.
        """
        if self._n_fixed is None:
            self._n_fixed = self._fixed(before)
        fixed, added = now[: self._n_fixed], now[self._n_fixed :]
        names = [*fixed, *sorted(added, key=lambda name: self._rank.get(name, -1))]
        if names != list(before):
            files.write(self._note, json.dumps({"names": names, "fixed": self._n_fixed}))
        return names

    def forget(self) -> None:
        """Notes that a plan was gone through to its end."""
        self._note.unlink(missing_ok=True)

    def _fixed(self, names: Sequence[str]) -> int:
        """Returns how many names of the file were there before the runs that were cut short."""
        try:
            left = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return len(names)
        n, ours = left["fixed"], left["names"]
        is_ours = list(names) == [name for name in ours if name in names] and names[:n] == ours[:n]
        return n if is_ours else len(names)
