"""The table of the whole study: what the report says beside what came out here."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stages.results.classification import difference_interval
from stages.results.evaluation import data_note
from stages.runtime.atomic import replacing

Json = Mapping[str, Any]

SPLITS = ("train", "validation", "test")

HOW_TO_READ = """# The report and this reproduction

Loss and accuracy on the test images, as the report gives them and as they came out here, with 95 %
intervals (Wilson). A verdict is given only where dataset, classes, split sizes and epochs are the report's.
It is *as reported* where the 95 % interval of the difference of both accuracies contains 0, else *better* or
*worse than reported*. The interval counts the sampling error of both sides' test images (Newcombe 1998); it
does not count that another seed would give another result.
"""
HEADER = (
    *("variant", "dataset", "report", "loss reported", "loss here", "accuracy reported"),
    *("accuracy here [95 %]", "difference [95 %]", "verdict", "parameters", "epochs", "data"),
)
NUMBERS = {"loss reported", "loss here", "accuracy reported", "parameters", "epochs"}


def read(variants: Iterable[str], metrics: Path, plots: Path) -> tuple[dict[str, Json], dict[str, Json]]:
    """Returns what evaluate wrote: metrics, and records of what ran on what, of the variants that have run.

    Args:
        variants: names.
        metrics: folder with NAME.json of each.
        plots: folder with NAME/run.json of each.
    """
    measured = _contents({name: metrics / f"{name}.json" for name in variants})
    return measured, _contents({name: plots / name / "run.json" for name in measured})


def row(variant: str, report: Json, record: Json | None, metrics: Json | None) -> dict[str, Any]:
    """Returns one row of the table; None where there is no value.

    Args:
        variant: its name.
        report: "datasets" and "results", as in params.yaml.
        record: plots/variants/<variant>/run.json; None where the variant has not run.
        metrics: metrics/<variant>.json; None where the variant has not run.
    """
    reported = report["results"].get(variant, {})
    record, test = record or {}, metrics["test"] if metrics else {}
    difference: tuple[float | None, ...] = (None, None, None)
    if record and "accuracy" in comparable(variant, record, report):
        n = report["datasets"][reported["dataset"]]["test"]
        interval = difference_interval(test["accuracy"], record["splits"]["test"], reported["accuracy"], n)
        difference = (test["accuracy"] - reported["accuracy"], *interval)
    return {
        "variant": variant,
        "dataset": record.get("dataset", reported.get("dataset")),
        "section": reported.get("section"),
        "figure": reported.get("figure"),
        "reported_loss": reported.get("loss"),
        "loss": test.get("loss"),
        "reported_accuracy": reported.get("accuracy"),
        "accuracy": test.get("accuracy"),
        "accuracy_low": test.get("low"),
        "accuracy_high": test.get("high"),
        **dict(zip(("difference", "difference_low", "difference_high"), difference, strict=True)),
        "verdict": _verdict(reported, record, report, difference),
        "parameters": record["parameters"]["total"] if record else None,
        "epochs": record.get("epochs"),
        "seed": record.get("seed"),
        "provenance": record.get("provenance"),
    }


def comparable(variant: str, record: Json, report: Json) -> Json:
    """Returns what the report says of a variant, {} unless it speaks of the same data and epochs."""
    reported = report["results"].get(variant, {})
    return reported if reported and not obstacles(record, reported, report) else {}


def write_summary(folder: Path, rows: list[dict[str, Any]], records: Mapping[str, Json]) -> None:
    """Writes summary.csv (all digits) and summary.md (to read).

    Args:
        folder: plots.
        rows: as `row` returns them.
        records: of the variants that have run.
    """
    with replacing(folder / "summary.csv") as partial:
        pd.DataFrame(rows, dtype=object).to_csv(partial, index=False)
    with replacing(folder / "summary.md") as partial:
        parts = [HOW_TO_READ, _data(rows), _table(HEADER, map(_cells, rows)), _seeds(rows, records)]
        parts.append(_environments(records))
        partial.write_text("\n".join(part for part in parts if part), encoding="utf-8")


def _contents(paths: Mapping[str, Path]) -> dict[str, Json]:
    """Returns the content of the files that there are."""
    found = {name: path for name, path in paths.items() if path.is_file()}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in found.items()}


def _verdict(reported: Json, record: Json, report: Json, difference: tuple[float | None, ...]) -> str:
    if not record:
        return "not run"
    if "accuracy" not in reported:
        return "not reported"
    _, low, high = difference
    if low is None or high is None:
        return f"not comparable ({'; '.join(map(_obstacle, obstacles(record, reported, report)))})"
    if low > 0:
        return "better than reported"
    return "worse than reported" if high < 0 else "as reported"


def obstacles(record: Json, reported: Json, report: Json) -> list[tuple[str, Any, Any]]:
    """Returns why a result cannot be compared with the report's; [] where it can.

    Each is what differs, how it is here and how it is in the report. Where it is the `data`, of which the
    publisher has no copy, or their `format`, it is the only one.
    """
    dataset = report["datasets"][reported["dataset"]]
    if record["provenance"] not in ("official", "stand-in"):
        return [("data", record["provenance"], "official")]
    if record["format"] != reported["dataset"]:
        return [("format", record["format"], reported["dataset"])]
    pairs = [
        ("classes", record["classes"], dataset["classes"]),
        *((key.replace("_", " "), record[key], dataset[key]) for key in ("first_class", "last_class")),
        *((f"{split} images", record["splits"][split], dataset[split]) for split in SPLITS),
        ("epochs", record["epochs"], reported["epochs"]),
    ]
    return [pair for pair in pairs if pair[1] != pair[2]]


def _obstacle(difference: tuple[str, Any, Any]) -> str:
    what, here, there = difference
    if what == "data":
        return data_note(here)
    return f"{here} instead of {there}" if what == "format" else f"{what}: {here}, report {there}"


def _data(rows: list[dict[str, Any]]) -> str:
    """Returns a paragraph on data that are not the publisher's; "" where all are."""
    kinds = {row["provenance"] for row in rows} - {None, "official"}
    if not kinds:
        return ""
    names = ", ".join(f"*{data_note(kind)}*" for kind in sorted(kinds))
    return (
        f"**The last column marks results on {names}: they rest on files that are not the publisher's.** Each"
        " variant's plots/variants/NAME/run.json lists them under `sources`.\n"
    )


def _seeds(rows: list[dict[str, Any]], records: Mapping[str, Json]) -> str:
    """Returns a table of the recipes that ran with several seeds; "" where there is none."""
    table = pd.DataFrame([row for row in rows if row["variant"] in records])
    if table.empty:
        return ""
    table["recipe"] = [records[name]["recipe"] for name in table["variant"]]
    cells = []
    for _, group in table.groupby(["recipe", "dataset", "provenance"], sort=False):
        if group["seed"].nunique() > 1:
            values = [f"{group[key].mean():.4f} ± {group[key].std():.4f}" for key in ("accuracy", "loss")]
            names = ", ".join(f"`{name}`" for name in group["variant"])
            cells.append([names, str(len(group)), *values])
    title = "## Several seeds\n\nTest accuracy and loss: mean ± standard deviation over training runs.\n\n"
    return title + _table(("variants", "n", "accuracy", "loss"), cells) if cells else ""


def _environments(records: Mapping[str, Json]) -> str:
    """Returns which results come from other versions or devices than the rest; "" where all agree."""
    said = {
        name: {"backend": record["backend"], "device": record["device"]}
        | record["versions"]
        | record["settings"]
        for name, record in records.items()
    }
    lines = []
    for key, column in pd.DataFrame(said).T.fillna("not set").items():
        if column.nunique() > 1:
            groups = [f"{value} ({', '.join(names.index)})" for value, names in column.groupby(column)]
            lines.append(f"- {key}: {'; '.join(groups)}\n")
    note = "## Different environments\n\nResults of this table come from different versions or devices:\n\n"
    return note + "".join(lines) if lines else ""


def _table(header: tuple[str, ...], rows: Any) -> str:
    ruler = ["---:" if name in NUMBERS else "---" for name in header]
    cells = [list(header), ruler, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def _cells(row: dict[str, Any]) -> list[str]:
    place = ", ".join(str(part) for part in (row["section"] and f"§{row['section']}", row["figure"]) if part)
    return [
        *(f"`{row['variant']}`", row["dataset"] or "—", place or "—"),
        *(_digits(row["reported_loss"]), _digits(row["loss"]), _digits(row["reported_accuracy"])),
        _digits(row["accuracy"]) + _interval(row["accuracy_low"], row["accuracy_high"]),
        _digits(row["difference"], "+.4f") + _interval(row["difference_low"], row["difference_high"], "+.3f"),
        row["verdict"],
        *(_digits(row["parameters"], ","), _digits(row["epochs"], "d"), row["provenance"] or "—"),
    ]


def _digits(value: float | None, form: str = ".4f") -> str:
    return "—" if value is None else format(value, form)


def _interval(low: float | None, high: float | None, form: str = ".3f") -> str:
    return "" if low is None or high is None else f" [{low:{form}}, {high:{form}}]"
