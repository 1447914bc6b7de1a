"""What the page shows: the study, its variants and sections, from the files that evaluate wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from stages.results import claims, comparable, comparisons, summary
from stages.results.evaluated import Evaluated

Json = Mapping[str, Any]
Words = Mapping[str, str]  # "en", "es"

QUANTITIES = ("loss", "accuracy")
TABLES = (*QUANTITIES, "confusion", "per_class_accuracy", "calibration", "architecture")


@dataclass(frozen=True)
class VariantView:
    """A variant, whether it has run or not.

    Attributes:
        name: as in params.yaml.
        images: the dataset whose images it classifies.
        style: number of its colour and dashes, the same in every figure.
        row: its row of the summary.
        reported: what the report says of it; {} for nothing.
        obstacles: why it cannot be compared with the report, see `comparable.obstacles`.
        parent: the variant it extends or starts from, if any.
        knobs: knob -> [value of the parent, value here] where they differ.
        evaluated: what evaluate wrote; None if it has not run.
        tables: of its folder of plots, by name; those that are there.
    """

    name: str
    images: str
    style: int
    row: Json
    reported: Json
    obstacles: list[tuple[str, Any, Any]]
    parent: str | None
    knobs: Mapping[str, list[Any]]
    evaluated: Evaluated | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def has_run(self) -> bool:
        """Whether there is something to show."""
        return self.evaluated is not None

    @property
    def record(self) -> Json:
        """Its run.json; {} if it has not run."""
        return self.evaluated.record if self.evaluated else {}

    @property
    def test(self) -> Json:
        """Its metrics on the test images; {} if it has not run."""
        return self.evaluated.metrics["test"] if self.evaluated else {}

    @property
    def has_epochs(self) -> bool:
        """Whether there are curves over epochs; a convex head has penalties instead."""
        return "loss" in self.tables and "epoch" in self.tables["loss"]


@dataclass(frozen=True)
class StudyView:
    """All of it.

    Attributes:
        variants: by name, in the study's order.
        ladders: as in report.yaml, but their steps are variants, their rows those of `summary.climb`.
        claims: the report's conclusions and ours, tested.
        told: what `resolve` wrote for the stage, with everything that report.yaml says.
    """

    variants: Mapping[str, VariantView]
    ladders: Sequence[Json]
    claims: Sequence[claims.Claim]
    told: Json

    @property
    def has_report(self) -> bool:
        """Whether there is a report to compare with."""
        return bool(self.told["report"]["results"])


def study(resolved: Json, evaluated: Mapping[str, Evaluated], plots: Path) -> StudyView:
    """Returns the content of the page.

    Args:
        resolved: what `resolve` wrote for the stage.
        evaluated: what evaluate wrote about the variants that have run.
        plots: holds a folder per variant.
    """
    report, styles = resolved["report"], comparisons.styles(resolved)
    variants = {}
    rows = summary.rows(resolved, evaluated)
    for row in rows:
        name = row["variant"]
        found, reported = evaluated.get(name), report["results"].get(name, {})
        variants[name] = VariantView(
            name=name,
            images=resolved["images"][name],
            style=styles[name],
            row=row,
            reported=reported,
            obstacles=comparable.obstacles(found.record, reported, report) if found and reported else [],
            parent=resolved["extends"].get(name),
            knobs=resolved["changes"][name]["knobs"],
            evaluated=found,
            tables=_tables(plots / name) if found else {},
        )
    ladders = []
    for ladder in resolved["ladders"]:
        steps = summary.climb(ladder["steps"], rows, evaluated)
        ladders.append(ladder | {"steps": [replace(variants[row["variant"]], row=row) for row in steps]})
    return StudyView(variants, ladders, claims.tested(resolved, evaluated), resolved)


def _tables(folder: Path) -> dict[str, pd.DataFrame]:
    paths = {name: folder / f"{name}.csv" for name in TABLES}
    # class names such as "nan" or "1" stay as they are
    texts = {"class": str, "actual": str, "predicted": str}
    return {
        name: pd.read_csv(path, dtype=texts, keep_default_na=name == "architecture")
        for name, path in paths.items()
        if path.is_file()
    }
