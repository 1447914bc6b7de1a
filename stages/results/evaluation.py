"""What evaluate says about one variant: a handful of numbers, a record, and its folder of plots."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.results import card, class_figures, classification, curves, evaluated, figures, training_end
from stages.results.comparable import data_note
from stages.results.run_folder import Predictions, TrainedVariant
from stages.results.statistics import accuracy_interval

LINES = {"training": "", "validation": "val_"}  # line -> prefix of its columns in history.csv


def metrics(trained: TrainedVariant) -> dict[str, Any]:
    """Returns metrics/<name>.json: means over seeds, few enough for one row of `dvc metrics show`."""
    measured = _measured(trained)
    interval = accuracy_interval(correct(trained))
    test = {key: measured["test"][key] for key in ("loss", "accuracy")}
    test |= {"low": interval.low, "high": interval.high}
    if len(trained.runs) > 1:
        test["std"] = float(correct(trained).mean(axis=1).std(ddof=1))
        test["ensemble"] = float(classification.is_correct(_ensemble(trained)).mean())
    return {
        "seeds": len(trained.runs),
        "test": test,
        "val": {"accuracy": measured["validation"]["accuracy"]},
    }


def record(trained: TrainedVariant, data: dict[str, Any]) -> dict[str, Any]:
    """Returns plots/variants/<name>/run.json: what was trained, on what, and where that came from.

    Args:
        trained: whose common record it extends.
        data: provenance of what it was trained on, or the record of the variant it started from.
    """
    sources = {
        file: {"kind": source["kind"], "sha256": source["sha256"]} for file, source in data["sources"].items()
    }
    return trained.record | {
        "seeds": trained.seeds,
        "accuracies": correct(trained).mean(axis=1).tolist(),
        "measured": _measured(trained),
        "at_end": training_end.at_end(trained),
        "provenance": data["provenance"] if "provenance" in data else data["kind"],
        "format": data["format"],
        "sources": sources,
        "first_class": trained.class_names[0],
        "last_class": trained.class_names[-1],
    }


def correct(trained: TrainedVariant) -> np.ndarray:
    """Returns bool[seeds, n], which test images each seed gets right."""
    return np.stack([classification.is_correct(run.test) for run in trained.runs])


def write_plots(
    folder: Path, trained: TrainedVariant, record: dict[str, Any], metrics: dict[str, Any]
) -> None:
    """Writes the card and pictures of a variant, and the tables that DVC draws; `folder` must exist."""
    title = _title(record)
    (folder / "README.md").write_text(card.text(record, metrics), encoding="utf-8", newline="\n")
    _write_curves(folder, trained, title)
    right, labels, names = correct(trained), trained.runs[0].test.labels, trained.class_names
    evaluated.write_correct(folder / "correct.csv", trained.seeds, right)
    classes = classification.accuracy_per_class(right, labels, names)
    table = pd.DataFrame(classes).rename(columns={"name": "class"})
    table.to_csv(folder / "per_class_accuracy.csv", index=False)
    confusion = sum(classification.confusion_matrix(run.test) for run in trained.runs)
    _confusion_table(confusion, names).to_csv(folder / "confusion.csv", index=False)
    _calibration_table(trained).to_csv(folder / "calibration.csv", index=False)
    path, title_of = folder / "confusion_matrix.png", f"{title}: confusion on test images"
    class_figures.draw_confusion_matrix(path, confusion, names, title=title_of)
    path, title_of = folder / "per_class_accuracy.png", f"{title}: accuracy per class"
    class_figures.draw_accuracy_per_class(path, classes, names, title=title_of)


def _title(record: dict[str, Any]) -> str:
    seeds = len(record["seeds"])
    notes = [f"{seeds} seeds"] * (seeds > 1) + [data_note(record["provenance"])]
    note = ", ".join(filter(None, notes))
    return f"{record['name']} on {record['dataset']}" + (f" ({note})" if note else "")


def _write_curves(folder: Path, trained: TrainedVariant, title: str) -> None:
    """Writes loss.csv, accuracy.csv and their picture."""
    histories = [run.history for run in trained.runs]
    drawn = {}
    for quantity in ("loss", "accuracy"):
        drawn[quantity] = {
            line: curves.over_seeds(histories, prefix + quantity) for line, prefix in LINES.items()
        }
        curves.write(folder / f"{quantity}.csv", drawn[quantity], "line", quantity)
    figures.draw_learning_curves(folder / "learning_curves.png", **drawn, title=title)


def _measured(trained: TrainedVariant) -> dict[str, dict[str, float]]:
    """Returns all measures by split, as means over the seeds."""
    found = {}
    for split in ("test", "validation"):
        measures = [classification.measure(getattr(run, split)) for run in trained.runs]
        found[split] = {key: float(np.mean([values[key] for values in measures])) for key in measures[0]}
    return found


def _ensemble(trained: TrainedVariant) -> Predictions:
    """Returns the mean of the probabilities that the seeds predict for the test images."""
    probabilities = np.mean([run.test.probabilities for run in trained.runs], axis=0)
    return Predictions(probabilities, trained.runs[0].test.labels)


def _calibration_table(trained: TrainedVariant) -> pd.DataFrame:
    """Returns columns confidence (mean), accuracy and images, a row per bin of confidence that holds any.

    It holds the predictions of all seeds, so with n seeds each image counts n times.
    """
    bins = [classification.calibration_bins(run.test) for run in trained.runs]
    images, confidences, right = np.sum(bins, axis=0)
    is_listed = images > 0
    columns = {"confidence": confidences, "accuracy": right}
    shares = {name: values[is_listed] / images[is_listed] for name, values in columns.items()}
    return pd.DataFrame(shares | {"images": images[is_listed].astype(int)})


def _confusion_table(confusion: np.ndarray, class_names: tuple[str, ...]) -> pd.DataFrame:
    """Returns columns actual, predicted, images; of many classes, empty cells only on the diagonal."""
    is_small = len(confusion) <= class_figures.MOST_NAMED
    is_listed = (confusion > 0) | np.eye(len(confusion), dtype=bool) | is_small
    actual, predicted = np.nonzero(is_listed)
    names = np.array(class_names, dtype=object)
    images = confusion[actual, predicted]
    return pd.DataFrame({"actual": names[actual], "predicted": names[predicted], "images": images})
