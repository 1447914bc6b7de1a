"""The table of the whole study to read: plots/summary.md, and summary.csv with all digits."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from stages.results.comparable import Json, data_note
from stages.results.summary import is_one_seed
from stages.runtime.atomic import replacing

TITLE, TITLE_ALONE = "# The report and this reproduction", "# This study"
HOW_TO_READ = """
Loss and accuracy on the test images: the mean over seeds, ± their standard deviation where there are several,
and the 95 % interval of the accuracy, which allows for other seeds and other images. With one seed it allows
only for other images, unless similar variants show how much seeds differ. *Ensemble* is the accuracy of the
mean of all seeds' probabilities.
"""
OF_VERDICTS = """
A verdict is given only where dataset, classes, split sizes and epochs are the report's. It is *as reported*
where the 95 % interval of the difference contains 0, otherwise *better* or *worse than reported*. The report
has one run, so the interval says what one more run of ours could give: it counts seeds, and images where the
report's are not ours. *One seed* marks verdicts that count only images (Newcombe 1998).
"""
HEADER = (
    *("variant", "dataset", "report", "loss reported", "loss here", "accuracy reported"),
    *("accuracy here [95 %]", "seeds", "ensemble", "difference [95 %]", "verdict"),
    *("parameters", "epochs", "data"),
)
HEADER_BEYOND = (
    *("variant", "dataset", "loss", "accuracy [95 %]", "seeds", "ensemble", "parameters", "epochs", "data"),
)
HEADER_GAINS = ("variant", "builds on", "difference of accuracy [95 %]", "counts", "McNemar's p")
NUMBERS = {
    "loss reported",
    "loss here",
    "loss",
    "accuracy reported",
    "seeds",
    "ensemble",
    "parameters",
    "epochs",
}
GAINS = """
## What each change brought

How much each variant's test accuracy exceeds that of the variant it builds on, paired by test image. With
one seed each the interval counts only images (Newcombe 1998, method 10 for paired data) and comes with the
exact McNemar test, unless similar variants show how much seeds differ, or the training has one optimum.
"""


def write_summary(folder: Path, rows: list[dict[str, Any]], records: Mapping[str, Json]) -> None:
    """Writes summary.csv (all digits) and summary.md (to read).

    Args:
        folder: plots.
        rows: as `summary.rows` returns them.
        records: run.json of the variants that have run.
    """
    with replacing(folder / "summary.csv") as partial:
        pd.DataFrame(rows, dtype=object).drop(columns="accuracies").to_csv(partial, index=False)
    known = [row for row in rows if row["section"] is not None]
    beyond = [row for row in rows if row["section"] is None]
    parts = [TITLE if known else TITLE_ALONE, HOW_TO_READ]
    if known:
        parts += [OF_VERDICTS, _data(rows), table(HEADER, map(_cells, known))]
    if beyond:
        parts += [
            "## Beyond the report\n" if known else _data(rows),
            table(HEADER_BEYOND, map(_beyond, beyond)),
        ]
    parts += [_gains(rows), _environments(records)]
    with replacing(folder / "summary.md") as partial:
        partial.write_text("\n".join(part.strip() + "\n" for part in parts if part), encoding="utf-8")


def _data(rows: list[dict[str, Any]]) -> str:
    """Returns a paragraph on data that are not the publisher's; "" if all are."""
    kinds = {row["provenance"] for row in rows} - {None, "official"}
    if not kinds:
        return ""
    names = ", ".join(f"*{data_note(kind)}*" for kind in sorted(kinds))
    return (
        f"**The last column marks results on {names}: they rest on files that are not the publisher's.** Each"
        " variant's plots/variants/NAME/run.json lists them under `sources`.\n"
    )


def _gains(rows: Iterable[Mapping[str, Any]]) -> str:
    """Returns the table of variants and their parents; "" if no two of them have run."""
    cells = []
    for row in rows:
        if row["gain"] is not None or row["gain_obstacle"]:
            gain = _digits(row["gain"], "+.4f") + _interval(row["gain_low"], row["gain_high"], "+.3f")
            shown = gain if row["gain"] is not None else f"no comparison: {row['gain_obstacle']}"
            counts = row["gain_counts"] or "—"
            cells.append(
                [f"`{row['variant']}`", f"`{row['parent']}`", shown, counts, _digits(row["gain_p"], ".2g")]
            )
    return f"{GAINS}\n{table(HEADER_GAINS, cells)}" if cells else ""


def _environments(records: Mapping[str, Json]) -> str:
    """Returns which results come from other versions or devices than the rest; "" if all agree."""
    said = {
        name: {"backend": record["backend"], "device": record["device"]}
        | record["versions"]
        | record["settings"]
        for name, record in records.items()
    }
    lines = []
    for key, column in pd.DataFrame(said).T.fillna("not set").map(str).items():
        if column.nunique() > 1:
            groups = [f"{value} ({', '.join(names.index)})" for value, names in column.groupby(column)]
            lines.append(f"- {key}: {'; '.join(groups)}\n")
    note = "## Different environments\n\nResults of this table come from different versions or devices:\n\n"
    return note + "".join(lines) if lines else ""


def table(header: tuple[str, ...], rows: Any) -> str:
    """Returns a table in Markdown of rows of cells, which may hold any text."""
    ruler = ["---:" if name in NUMBERS else "---" for name in header]
    cells = [list(header), ruler, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def _cells(row: dict[str, Any]) -> list[str]:
    place = ", ".join(str(part) for part in (row["section"] and f"§{row['section']}", row["figure"]) if part)
    one_seed = " (one seed)" if is_one_seed(row) else ""
    return [
        *(f"`{row['variant']}`", row["dataset"] or "—", place or "—"),
        *(_digits(row["reported_loss"]), _digits(row["loss"]), _digits(row["reported_accuracy"])),
        *(_accuracy(row), _digits(row["seeds"], "d"), _digits(row["ensemble"])),
        _digits(row["difference"], "+.4f") + _interval(row["difference_low"], row["difference_high"], "+.3f"),
        row["verdict"] + one_seed,
        *(_digits(row["parameters"], ","), _digits(row["epochs"], "d"), row["provenance"] or "—"),
    ]


def _beyond(row: dict[str, Any]) -> list[str]:
    return [
        *(f"`{row['variant']}`", row["dataset"] or "—", _digits(row["loss"])),
        *(
            _accuracy(row) if row["seeds"] else "not run",
            _digits(row["seeds"], "d"),
            _digits(row["ensemble"]),
        ),
        *(_digits(row["parameters"], ","), _digits(row["epochs"], "d"), row["provenance"] or "—"),
    ]


def _accuracy(row: dict[str, Any]) -> str:
    spread = "" if row["std"] is None else f" ± {row['std']:.4f}"
    return _digits(row["accuracy"]) + spread + _interval(row["accuracy_low"], row["accuracy_high"])


def _digits(value: float | None, form: str = ".4f") -> str:
    return "—" if value is None else format(value, form)


def _interval(low: float | None, high: float | None, form: str = ".3f") -> str:
    return "" if low is None or high is None else f" [{low:{form}}, {high:{form}}]"
