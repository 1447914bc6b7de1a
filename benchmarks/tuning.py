"""The log of what was tried on the way to a variant: python -m benchmarks.tuning TITLE FOLDER BASE [NAME...].

A trial is a variant of a project that was trained (`python -m stages.run train@NAME`) and never evaluated:
only what it did on validation images is read here. Run it in the study: the trials are added to
docs/tuning.csv, replacing those of the same title and name, and docs/tuning.md is written from that file.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from benchmarks import tables
from benchmarks.speed import kept
from stages.results import classification
from stages.results.run_folder import Predictions, seed_folders
from stages.runtime.atomic import replacing
from stages.runtime.errors import run
from stages.study import differences

LOG, PAGE = Path("docs/tuning.csv"), Path("docs/tuning.md")
COLUMNS = ("title", "trial", "changes", "epochs", "seeds", "val_accuracy", "val_loss", "loss", "accuracy")
HEADER = ("trial", "changed", "epochs", "seeds", "validation accuracy", "its loss", "training accuracy")
KEPT = "\n## What came of it\n"
TOP = """# What was tried

Written by `python -m benchmarks.tuning`: every trial on the way to the variants beyond the report, whether
it helped or not. A trial learns from the training images and is judged only by the validation images, as
its saved model predicts them: with its views, on images of their test size. Its training accuracy is that
of the last epoch or, for a convex head, of the chosen penalty. The first row of each table is what the
other rows change. CIFAR-100 has 1,250 validation images here and CUB-200 has 300, so an accuracy is known
to ± 0.02 and ± 0.06: small differences mean nothing, and the loss says more than the accuracy.
"""


def main() -> None:
    """Adds trials to the log and writes its page."""
    title, folder, base, *names = sys.argv[1:]
    trials = [trial(title, Path(folder, "models"), name, base) for name in (base, *names)]
    known = tables.read(LOG)
    new = {(row["title"], row["trial"]) for row in trials}
    rows = [row for row in known if (row["title"], row["trial"]) not in new] + trials
    order = list(dict.fromkeys(row["title"] for row in (*known, *rows)))
    rows.sort(key=lambda row: order.index(row["title"]))
    tables.write(LOG, COLUMNS, rows)
    text = page(rows) + kept(PAGE, KEPT)
    with replacing(PAGE) as partial:
        partial.write_text(text, encoding="utf-8")


def trial(title: str, models: Path, name: str, base: str) -> dict[str, str]:
    """Returns a row of the log: means over the seeds of what a trained variant did on validation images.

    Args:
        title: of the table that it belongs to.
        models: folder of trained variants.
        name: of the variant.
        base: of the variant that it changes; the same name if it is that variant itself.
    """
    folders = seed_folders(models / name)
    records = [json.loads((path / "run.json").read_text("utf-8")) for path in folders]
    seeds = [_chosen(path, record) | _validated(path) for path, record in zip(folders, records, strict=True)]
    first = json.loads((seed_folders(models / base)[0] / "run.json").read_text("utf-8"))["knobs"]
    changes = differences.lines({} if name == base else first, records[0]["knobs"])
    values = {
        key: f"{fmean(float(seed[key]) for seed in seeds):.4f}"
        for key in ("val_accuracy", "val_loss", "loss", "accuracy")
    }
    about = {"title": title, "trial": name, "changes": "; ".join(changes)}
    return about | {"epochs": str(records[0]["epochs"]), "seeds": str(len(records))} | values


def page(rows: Sequence[dict[str, str]]) -> str:
    """Returns a table for each title."""
    parts = [TOP]
    for title in dict.fromkeys(row["title"] for row in rows):
        parts.append(f"\n## {title}\n\n")
        parts.append(f"| {' | '.join(HEADER)} |\n|{' --- |' * 2}{' ---: |' * 5}\n")
        for row in rows:
            if row["title"] == title:
                values = [row[key] for key in ("epochs", "seeds", "val_accuracy", "val_loss", "accuracy")]
                parts.append(f"| `{row['trial']}` | {row['changes']} | {' | '.join(values)} |\n")
    return "".join(parts)


def _validated(folder: Path) -> dict[str, float]:
    """Returns val_loss and val_accuracy of a seed's saved model."""
    with np.load(folder / "predictions.npz") as arrays:
        split = Predictions(arrays["validation_probabilities"], arrays["validation_labels"])
    found = classification.measure(split)
    return {"val_loss": found["loss"], "val_accuracy": found["accuracy"]}


def _chosen(folder: Path, record: dict) -> dict[str, str]:
    """Returns the row of a seed's history that its weights are of."""
    rows = tables.read(folder / "history.csv")
    for key, column in (("penalty", "penalty"), ("best_epoch", "epoch")):
        if key in record["notes"]:
            return next(row for row in rows if float(row[column]) == float(record["notes"][key]))
    return rows[-1]


if __name__ == "__main__":
    run(main)
