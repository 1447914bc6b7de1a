"""The table of the whole study: what the report says beside what came out here, row by row."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.atomic import replacing, write_json
from stages.results.learning_curves import write_table

COLUMNS = (
    "variant",
    "dataset",
    "section",
    "figure",
    "reported_loss",
    "loss",
    "loss_difference",
    "reported_accuracy",
    "accuracy",
    "accuracy_difference",
    "accuracy_low",
    "accuracy_high",
    "verdict",
    "parameters",
    "epochs",
    "provenance",
)

HOW_TO_READ = (
    "Loss and accuracy on the test split, as the report gives them and as they came out here. The verdict"
    " compares accuracies: *as reported* where the report's lies within our 95 % interval (Wilson, over test"
    " images; another seed would move it too), else *better* or *worse than reported*."
)
STAND_IN = (
    "Results marked *stand-in* rest on files that are not the publisher's (`sources` in each metrics file"
    " names them), so a verdict on them is about the method, not about the report's own data."
)


def summary_row(
    variant: str, dataset: str, *, reported: Mapping[str, Any], metrics: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Returns one row: a value for each of `COLUMNS`, None where there is none.

    Args:
        variant: its name.
        dataset: its dataset.
        reported: section, figure, loss, accuracy as far as the report gives them.
        metrics: what evaluate wrote; None where the variant has not run.
    """
    test = metrics["test"] if metrics else {}
    loss, accuracy = test.get("loss"), test.get("accuracy")
    return {
        "variant": variant,
        "dataset": dataset,
        "section": reported.get("section"),
        "figure": reported.get("figure"),
        "reported_loss": reported.get("loss"),
        "loss": loss,
        "loss_difference": _difference(loss, reported.get("loss")),
        "reported_accuracy": reported.get("accuracy"),
        "accuracy": accuracy,
        "accuracy_difference": _difference(accuracy, reported.get("accuracy")),
        "accuracy_low": test.get("accuracy_low"),
        "accuracy_high": test.get("accuracy_high"),
        "verdict": verdict(reported.get("accuracy"), test),
        "parameters": metrics["parameters"]["total"] if metrics else None,
        "epochs": metrics["epochs"] if metrics else None,
        "provenance": metrics["provenance"] if metrics else None,
    }


def verdict(reported_accuracy: float | None, test: Mapping[str, Any]) -> str:
    """Says in words where our accuracy stands; `test` holds our interval, {} if the variant has not run."""
    if not test:
        return "not run"
    if reported_accuracy is None:
        return "not reported"
    if reported_accuracy < test["accuracy_low"]:
        return "better than reported"
    if reported_accuracy > test["accuracy_high"]:
        return "worse than reported"
    return "as reported"


def write_summary(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Writes summary.csv (all digits), summary.md (to read) and summary.json (for `dvc metrics`).

    The last holds what one row of `dvc metrics show` can: how often each verdict was given, and by how
    much each accuracy that the report gives differs.
    """
    with replacing(folder / "summary.csv") as partial:
        write_table(partial, list(COLUMNS), ([row[column] for column in COLUMNS] for row in rows))
    with replacing(folder / "summary.md") as partial:
        partial.write_text(markdown(rows), encoding="utf-8")
    differences = {row["variant"]: row["accuracy_difference"] for row in rows}
    known = {name: difference for name, difference in differences.items() if difference is not None}
    verdicts = Counter(row["verdict"] for row in rows)
    write_json(folder / "summary.json", {"verdicts": verdicts, "accuracy_difference": known})


def markdown(rows: list[dict[str, Any]]) -> str:
    """Returns the table as a Markdown page; its head says so where results come from stand-in data."""
    is_stand_in = any(row["provenance"] == "stand-in" for row in rows)
    ours = " (stand-in data)" if is_stand_in else ""
    left = {"variant", "dataset", "report", "verdict", "data"}
    header = [
        *("variant", "dataset", "report", "loss reported", f"loss here{ours}"),
        *("accuracy reported", f"accuracy here [95 %]{ours}", "difference"),
        *("verdict", "parameters", "epochs", "data"),
    ]
    paragraphs = [
        "# The report and this reproduction",
        HOW_TO_READ,
        *([f"**{STAND_IN}**"] if is_stand_in else []),
    ]
    table = [header, ["---" if name in left else "---:" for name in header], *map(_cells, rows)]
    lines = [f"| {' | '.join(cells)} |" for cells in table]
    return "\n\n".join(paragraphs) + "\n\n" + "\n".join(lines) + "\n"


def _cells(row: dict[str, Any]) -> list[str]:
    place = ", ".join(str(part) for part in (row["section"] and f"§{row['section']}", row["figure"]) if part)
    interval = (
        f" [{row['accuracy_low']:.3f}, {row['accuracy_high']:.3f}]" if row["accuracy"] is not None else ""
    )
    cells = [
        *(f"`{row['variant']}`", row["dataset"], place),
        *(_digits(row["reported_loss"]), _digits(row["loss"])),
        *(_digits(row["reported_accuracy"]), _digits(row["accuracy"]) + interval),
        *(_digits(row["accuracy_difference"], sign="+"), row["verdict"]),
        *(_digits(row["parameters"], form=","), _digits(row["epochs"], form="d"), row["provenance"] or "—"),
    ]
    return [cell.replace("|", "\\|") for cell in cells]


def _digits(value: float | None, *, form: str = ".4f", sign: str = "") -> str:
    return "—" if value is None else format(value, sign + form)


def _difference(ours: float | None, reported: float | None) -> float | None:
    return None if ours is None or reported is None else ours - reported
