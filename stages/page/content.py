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
        style: number of its colour and dashes, the same in every figure.
        row: its row of the summary.
        reported: what the report says of it; {} for nothing.
        obstacles: why it cannot be compared with the report, see `comparable.obstacles`.
        parent: the variant it extends or starts from, if any.
        knobs: knob -> [value of the parent, value here] where they differ.
        evaluated: what evaluate wrote; None where it has not run.
        tables: of its folder of plots, by name; those that are there.
    """

    name: str
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
        """Whether there is something to show of it."""
        return self.evaluated is not None

    @property
    def record(self) -> Json:
        """Its run.json; {} where it has not run."""
        return self.evaluated.record if self.evaluated else {}

    @property
    def test(self) -> Json:
        """Its metrics on the test images; {} where it has not run."""
        return self.evaluated.metrics["test"] if self.evaluated else {}

    @property
    def has_epochs(self) -> bool:
        """Whether there are curves over epochs; a convex head has penalties in their place."""
        return "loss" in self.tables and "epoch" in self.tables["loss"]


@dataclass(frozen=True)
class StudyView:
    """All of it.

    Attributes:
        variants: by name, in the study's order.
        comparisons: likewise.
        report: datasets and results as in report.yaml; both {} for a study without a report.
        texts: by number of section its title, question and answer in the report.
        ladders: as in report.yaml, but their steps are variants, their rows those of `summary.climb`.
        claims: the report's conclusions, tested.
    """

    variants: Mapping[str, VariantView]
    comparisons: Mapping[str, Json]
    report: Json
    texts: Mapping[str, Mapping[str, Words]]
    claims: list[claims.Claim]
    ladders: Sequence[Json] = ()

    @property
    def has_report(self) -> bool:
        """Whether there is a report to compare with."""
        return bool(self.report["results"])


def study(resolved: Json, evaluated: Mapping[str, Evaluated], plots: Path) -> StudyView:
    """Returns the content of the page.

    Args:
        resolved: what `resolve` wrote for the stage.
        evaluated: what evaluate wrote, of the variants that have run.
        plots: holds a folder per variant.
    """
    report, styles = resolved["report"], comparisons.styles(resolved)
    parents = {name: change["parent"] for name, change in resolved["changes"].items()}
    variants = {}
    rows = summary.rows({**resolved, "extends": parents}, evaluated)
    for row in rows:
        name = row["variant"]
        found, reported = evaluated.get(name), report["results"].get(name, {})
        variants[name] = VariantView(
            name=name,
            style=styles[name],
            row=row,
            reported=reported,
            obstacles=comparable.obstacles(found.record, reported, report) if found and reported else [],
            parent=parents[name],
            knobs=resolved["changes"][name]["knobs"],
            evaluated=found,
            tables=_tables(plots / name) if found else {},
        )
    figures = {name: resolved["comparisons"][name] for name in resolved["order"]}
    ladders = []
    for ladder in resolved["ladders"]:
        steps = summary.climb(ladder["steps"], rows, evaluated)
        ladders.append(ladder | {"steps": [replace(variants[row["variant"]], row=row) for row in steps]})
    tested = claims.tested(resolved, evaluated)
    return StudyView(variants, figures, report, resolved["sections"], tested, ladders)


def _tables(folder: Path) -> dict[str, pd.DataFrame]:
    paths = {name: folder / f"{name}.csv" for name in TABLES}
    # class names such as "nan" or "1" stay as they are
    texts = {"class": str, "actual": str, "predicted": str}
    return {
        name: pd.read_csv(path, dtype=texts, keep_default_na=name == "architecture")
        for name, path in paths.items()
        if path.is_file()
    }
