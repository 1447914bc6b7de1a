"""Values per epoch: as `train` logs them, and as long tables (epoch, line, value) that DVC plots."""

import csv
import math
from collections.abc import Iterable
from pathlib import Path

from stages.errors import InputError

Curve = list[tuple[int, float]]  # (epoch, value), first epoch first; epochs count from 1
Lines = dict[str, Curve]  # by the name of the line

LINES = {"training": "", "validation": "val_"}  # line -> prefix of its columns in history.csv


def read_history(path: Path, quantity: str) -> Lines:
    """Reads one quantity of history.csv, `loss` or `accuracy`, as training and validation lines.

    Raises:
        InputError: no such file, no epochs, a column is missing, or a value is not a finite number.
    """
    rows = _read_rows(path, ["epoch", *(prefix + quantity for prefix in LINES.values())])
    return {
        line: [(_epoch(row, path), _number(row, prefix + quantity, path)) for row in rows]
        for line, prefix in LINES.items()
    }


def read_lines(path: Path, quantity: str) -> Lines:
    """Reads a table that `write_lines` wrote.

    Raises:
        InputError: as for `read_history`.
    """
    lines: Lines = {}
    for row in _read_rows(path, ["epoch", "line", quantity]):
        lines.setdefault(row["line"], []).append((_epoch(row, path), _number(row, quantity, path)))
    return lines


def write_lines(path: Path, lines: Lines, quantity: str) -> None:
    """Writes the columns epoch, line and `quantity`, one row per epoch of each line."""
    rows = ((epoch, line, value) for line, curve in lines.items() for epoch, value in curve)
    write_table(path, ["epoch", "line", quantity], rows)


def write_table(path: Path, header: list[str], rows: Iterable[Iterable[object]]) -> None:
    """Writes a CSV file with Unix line ends; floats in full, so that equal values are equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _read_rows(path: Path, columns: list[str]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows, found = list(reader), list(reader.fieldnames or [])
    except FileNotFoundError:
        raise InputError(f"no {path}; run the stage that makes it: dvc repro") from None
    missing = [column for column in columns if column not in found]
    if missing or not rows:
        received = f"{len(rows)} rows of {', '.join(found) or 'nothing'}"
        expected = f"at least one row of {', '.join(columns)}"
        raise InputError(f"{path} holds {received}, expected {expected}; train the variant again")
    return rows


def _epoch(row: dict[str, str], path: Path) -> int:
    epoch = _number(row, "epoch", path)
    if epoch < 1 or epoch != int(epoch):
        raise InputError(f"{path}: epoch {row['epoch']!r}, expected 1, 2, 3 ...; train the variant again")
    return int(epoch)


def _number(row: dict[str, str], column: str, path: Path) -> float:
    try:
        value = float(row[column])
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        received = f"epoch {row['epoch']}: {column} is {row[column]!r}"
        raise InputError(f"{path}, {received}, expected a number; train the variant again")
    return value
