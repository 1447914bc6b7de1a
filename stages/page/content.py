"""What the page shows: the study, its variants and sections, from the files that evaluate wrote."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from stages.page.sections import BEYOND, OVERVIEW, SECTIONS, Section
from stages.results import comparisons, summary
from stages.results.classification import difference_interval

Json = Mapping[str, Any]

QUANTITIES = ("loss", "accuracy")
TABLES = ("loss", "accuracy", "confusion", "per_class_accuracy", "calibration", "architecture")


@dataclass(frozen=True)
class Variant:
    """A variant, whether it has run or not.

    Attributes:
        name: as in params.yaml.
        style: number of its colour and dashes, the same in every figure.
        row: its row of the summary.
        reported: what the report says of it; {} for nothing.
        obstacles: why it cannot be compared with the report, see `summary.obstacles`.
        parent: the variant it extends or starts from, if any.
        knobs: knob -> [value of the parent, value here] where they differ.
        record: its run.json; {} where it has not run.
        metrics: test and validation; {} where it has not run.
        tables: of its folder of plots, by name; those that are there.
    """

    name: str
    style: int
    row: Json
    reported: Json
    obstacles: list[tuple[str, Any, Any]]
    parent: str | None
    knobs: Mapping[str, list[Any]]
    record: Json = field(default_factory=dict)
    metrics: Json = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def has_run(self) -> bool:
        """Whether there is something to show of it."""
        return bool(self.record)


@dataclass(frozen=True)
class Part:
    """A section of the page.

    Attributes:
        number: of the report's section; "" where it has none.
        text: title, question and the report's answer.
        variants: in the study's order.
        comparisons: by name, those whose last variant is of this section.
    """

    number: str
    text: Section
    variants: list[Variant]
    comparisons: Mapping[str, Json]


@dataclass(frozen=True)
class Study:
    """All of it: variants by name, in the study's order, and what the report says, as in params.yaml."""

    variants: Mapping[str, Variant]
    comparisons: Mapping[str, Json]
    report: Json


@dataclass(frozen=True)
class Step:
    """What a variant's metrics are beyond its parent's: low and high are those of accuracy, 95 %."""

    parent: Variant
    accuracy: float
    low: float
    high: float
    loss: float


def study(resolved: Json, metrics: Mapping[str, Json], records: Mapping[str, Json], plots: Path) -> Study:
    """Returns the content of the page.

    Args:
        resolved: what `resolve` wrote for the stage.
        metrics: metrics/<variant>.json of the variants that have run.
        records: run.json of the same.
        plots: holds a folder per variant.
    """
    names, report = resolved["variants"], resolved["report"]
    styles = comparisons.styles(resolved)
    variants = {}
    for name in names:
        record, reported = records.get(name, {}), report["results"].get(name, {})
        change = resolved["changes"][name]
        variants[name] = Variant(
            name=name,
            style=styles[name],
            row=summary.row(name, report, record or None, metrics.get(name)),
            reported=reported,
            obstacles=summary.obstacles(record, reported, report) if record and reported else [],
            parent=change["parent"],
            knobs=change["knobs"],
            record=record,
            metrics=metrics.get(name, {}),
            tables=_tables(plots / name) if record else {},
        )
    figures = {name: resolved["comparisons"][name] for name in resolved["order"]}
    return Study(variants, figures, report)


def parts(content: Study) -> list[Part]:
    """Returns the sections of the page in the report's order; what the report does not have comes last."""
    places = {name: variant.reported.get("section", "") for name, variant in content.variants.items()}
    numbers = sorted({number for number in places.values() if number}, key=_number)
    others = "" in places.values()
    found = []
    for number in [*numbers, *([""] if others else [])]:
        found.append(
            Part(
                number,
                _text(number, bool(numbers)),
                [variant for name, variant in content.variants.items() if places[name] == number],
                {
                    name: group
                    for name, group in content.comparisons.items()
                    if places.get(group["variants"][-1], "") == number
                },
            )
        )
    return found


def step(variant: Variant, content: Study) -> Step | None:
    """Returns how far a variant's metrics are from its parent's; None unless both ran on the same data."""
    parent = content.variants.get(variant.parent or "")
    if not parent or not parent.has_run or not variant.has_run or not is_same_data(parent, variant):
        return None
    here, before = variant.metrics["test"], parent.metrics["test"]
    images = variant.record["splits"]["test"]
    low, high = difference_interval(here["accuracy"], images, before["accuracy"], images)
    accuracy, loss = (here[key] - before[key] for key in ("accuracy", "loss"))
    return Step(parent, accuracy, low, high, loss)


def is_same_data(one: Variant, other: Variant) -> bool:
    """Returns whether two variants that have run learnt from and were tested on the same images."""
    return all(one.record[key] == other.record[key] for key in comparisons.SAME_DATA)


def confused(confusion: pd.DataFrame, most: int) -> Iterator[tuple[str, str, int, int]]:
    """Yields who is taken for whom: (class, predicted class, images, images of the class), worst first."""
    totals = confusion.groupby("actual")["images"].sum()
    wrong = confusion[(confusion["actual"] != confusion["predicted"]) & (confusion["images"] > 0)]
    for row in wrong.sort_values("images", ascending=False, kind="stable").head(most).itertuples():
        yield row.actual, row.predicted, int(row.images), int(totals[row.actual])


def _tables(folder: Path) -> dict[str, pd.DataFrame]:
    paths = {name: folder / f"{name}.csv" for name in TABLES}
    # class names such as "nan" or "1" stay as they are
    texts = {"class": str, "actual": str, "predicted": str}
    return {
        name: pd.read_csv(path, dtype=texts, keep_default_na=name == "architecture")
        for name, path in paths.items()
        if path.is_file()
    }


def _text(number: str, has_report: bool) -> Section:
    if number in SECTIONS:
        return SECTIONS[number]
    if number:
        title = (f"Section {number}", f"Apartado {number}")
        return Section(title, OVERVIEW.question, OVERVIEW.answer)
    return BEYOND if has_report else OVERVIEW


def _number(section: str) -> list[tuple[int, str]]:
    """Returns what sorts 2.10 behind 2.9, and 4 behind 3.1.1."""
    return [(int(part) if part.isdigit() else 0, part) for part in section.split(".")]
