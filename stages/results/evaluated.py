"""Reading of what evaluate wrote about the variants that have run."""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Evaluated:
    """A variant that has run.

    Attributes:
        record: plots/variants/<name>/run.json.
        metrics: metrics/<name>.json, with everything that the record says was measured of `test`.
        correct: bool[seeds, n], which test images each seed gets right; None if that is not recorded.
        has_one_optimum: whether its training ends in the same weights from any seed.
    """

    record: Json
    metrics: Json
    correct: np.ndarray | None = None
    has_one_optimum: bool = False

    @property
    def seeds(self) -> int:
        """Returns how many seeds it has run with."""
        return len(self.record["seeds"])

    @property
    def accuracies(self) -> list[float]:
        """Returns the test accuracy of each seed."""
        return self.record["accuracies"]


def read(study: Json, metrics: Path, plots: Path) -> dict[str, Evaluated]:
    """Returns the variants that have run, by name.

    Args:
        study: what resolve wrote about it: `variants`, and which of them have `one_optimum`.
        metrics: folder with NAME.json of each.
        plots: folder with a folder NAME of each.
    """
    found = {}
    for name in study["variants"]:
        paths = metrics / f"{name}.json", plots / name / "run.json"
        if all(path.is_file() for path in paths):
            measured, record = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
            measured["test"] = record["measured"]["test"] | measured["test"]
            correct = read_correct(plots / name / "correct.csv", record["splits"]["test"])
            found[name] = Evaluated(record, measured, correct, name in study["one_optimum"])
    return found


def write_correct(path: Path, seeds: Iterable[int], correct: np.ndarray) -> None:
    """Writes which test images each seed gets right: a row per seed, its bits as hexadecimal digits.

    Args:
        path: of the CSV file.
        seeds: s of them.
        correct: bool[s, n], images in stored order.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("seed", "correct"))
        digits = (np.packbits(row).tobytes().hex() for row in correct)
        rows.writerows(zip(seeds, digits, strict=True))


def read_correct(path: Path, n: int) -> np.ndarray | None:
    """Returns bool[s, n] for s seeds and n test images; None if there is no such file."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        packed = [np.frombuffer(bytes.fromhex(row["correct"]), np.uint8) for row in csv.DictReader(file)]
    return np.unpackbits(np.stack(packed), axis=1, count=n).astype(bool)
