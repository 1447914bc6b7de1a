"""Tables that keep measurements between runs, as CSV."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from stages.runtime.atomic import replacing


def read(path: Path) -> list[dict[str, str]]:
    """Returns the rows of a table; [] where there is none."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, columns: Sequence[str], rows: Iterable[dict[str, str]]) -> None:
    """Writes a table, replacing the one that is there."""
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
