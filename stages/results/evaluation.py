"""What evaluate says about one variant: a handful of numbers, a record, and its folder of plots."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.results import classification, figures
from stages.results.run_folder import Run

LINES = {"training": "", "validation": "val_"}  # line -> prefix of its columns in history.csv


def metrics(run: Run) -> dict[str, dict[str, float]]:
    """Returns metrics/<name>.json: few enough numbers for a row of `dvc metrics show`."""
    validation = classification.measure(run.validation)
    return {
        "test": classification.measure(run.test),
        "val": {key: validation[key] for key in ("loss", "accuracy")},
    }


def record(run: Run, data: dict[str, Any]) -> dict[str, Any]:
    """Returns plots/variants/<name>/run.json: what was trained, on what, and where that came from.

    Args:
        run: whose record it extends.
        data: provenance of what it was trained on, or the record of the variant it started from.
    """
    sources = {
        file: {"kind": source["kind"], "sha256": source["sha256"]} for file, source in data["sources"].items()
    }
    return run.record | {
        "provenance": data["provenance"] if "provenance" in data else data["kind"],
        "format": data["format"],
        "sources": sources,
        "first_class": run.class_names[0],
        "last_class": run.class_names[-1],
    }


def data_note(kind: str) -> str:
    """Returns what has to be said beside a result: "stand-in data", "" for official data."""
    return "" if kind == "official" else f"{kind} data"


def write_plots(folder: Path, run: Run, record: dict[str, Any]) -> None:
    """Writes pictures of a variant, and the tables that DVC draws; `folder` must exist."""
    note = data_note(record["provenance"])
    title = f"{record['name']} on {record['dataset']}" + (f" ({note})" if note else "")
    history = run.history.set_index("epoch")
    curves = {}
    for quantity in ("loss", "accuracy"):
        curves[quantity] = {line: history[prefix + quantity] for line, prefix in LINES.items()}
        write_curves(folder / f"{quantity}.csv", curves[quantity], "line", quantity)
    figures.draw_learning_curves(folder / "learning_curves.png", **curves, title=title)

    confusion = classification.confusion_matrix(run.test)
    classes = classification.accuracy_per_class(confusion, run.class_names)
    _confusion_table(confusion, run.class_names).to_csv(folder / "confusion.csv", index=False)
    table = pd.DataFrame(classes, columns=["class", "accuracy", "n"])
    table.to_csv(folder / "per_class_accuracy.csv", index=False)
    _calibration_table(run).to_csv(folder / "calibration.csv", index=False)
    figures.draw_confusion_matrix(
        folder / "confusion_matrix.png",
        confusion,
        run.class_names,
        title=f"{title}: confusion on test images",
    )
    figures.draw_accuracy_per_class(
        folder / "per_class_accuracy.png", classes, title=f"{title}: accuracy per class"
    )


def write_curves(path: Path, curves: dict[str, pd.Series], key: str, quantity: str) -> None:
    """Writes columns epoch, `key` and `quantity`, a row per epoch of each curve.

    Args:
        path: of the CSV file.
        curves: by what `key` says of them; each is indexed by epoch.
        key: column of the curves' names.
        quantity: column of their values.
    """
    table = pd.concat(curves, names=[key, "epoch"]).rename(quantity).reset_index()
    table[["epoch", key, quantity]].to_csv(path, index=False)


def _calibration_table(run: Run) -> pd.DataFrame:
    """Returns columns confidence (mean), accuracy and images, a row per bin of confidence that holds any."""
    images, confidences, correct = classification.calibration_bins(run.test)
    is_listed = images > 0
    columns = {"confidence": confidences, "accuracy": correct}
    shares = {name: values[is_listed] / images[is_listed] for name, values in columns.items()}
    return pd.DataFrame(shares | {"images": images[is_listed].astype(int)})


def _confusion_table(confusion: np.ndarray, class_names: tuple[str, ...]) -> pd.DataFrame:
    """Returns columns actual, predicted, images; of many classes, empty cells only on the diagonal."""
    is_listed = (confusion > 0) | np.eye(len(confusion), dtype=bool) | (len(confusion) <= figures.MOST_NAMED)
    actual, predicted = np.nonzero(is_listed)
    names = np.array(class_names, dtype=object)
    images = confusion[actual, predicted]
    return pd.DataFrame({"actual": names[actual], "predicted": names[predicted], "images": images})
