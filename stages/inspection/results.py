"""Trained variants, metrics and the summary: what each says against what it follows from."""

import math
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from stages.inspection.manifests import hashes_problem
from stages.inspection.provenance import kinds
from stages.inspection.records import array, read
from stages.inspection.workspaces import Workspace
from stages.results.classification import measure
from stages.results.contents import reported
from stages.results.learning_curves import read_history
from stages.results.predictions import Predictions, read_predictions
from stages.results.records import read_metrics, read_run
from stages.results.summary import summary_row, write_summary
from stages.sets import SETS
from stages.sources import PROVENANCE, provenance

SUMMARY = ("summary.csv", "summary.json", "summary.md")


def run_problem(workspace: Workspace, variant: str, dataset: str, backbone: Path | None) -> str | None:
    """Compares a trained variant with its knobs, its data and the hashes it noted.

    Args:
        workspace: to look at.
        variant: its name.
        dataset: what it learned from.
        backbone: folder of the backbone it learned with, if any.
    """
    folder = Path("models", variant)
    record = read_run(workspace.root / folder / "run.json")
    knobs = read(workspace.root / "data" / "variants" / f"{variant}.json")
    sources = _sources(workspace, dataset, backbone)
    expected = {
        "variant": variant,
        "dataset": dataset,
        "sources": kinds(sources),
        "provenance": provenance(sources),
        **{key: knobs[key] for key in ("epochs", "seed", "threads")},
    }
    for key, value in expected.items():
        if record[key] != value:
            return f"says {key} {record[key]!r}, expected {value!r}"
    epochs = len(read_history(workspace.root / folder / "history.csv", "loss")["training"])
    if epochs != knobs["epochs"]:
        return f"has a history of {epochs} epochs, expected {knobs['epochs']}"
    predictions = read_predictions(workspace.root / folder / "predictions.npz")
    return hashes_problem(workspace, folder, record["sha256"]) or _labels_problem(
        predictions, workspace.root / "data" / dataset
    )


def metrics_problem(workspace: Workspace, variant: str) -> str | None:
    """Measures predictions again and compares all else with run.json."""
    said = read(workspace.root / "metrics" / f"{variant}.json")
    record = read_run(workspace.root / "models" / variant / "run.json")
    del record["sha256"]
    for key in sorted(record.keys() | said.keys() - {"test", "validation"}):
        if said.get(key) != record.get(key):
            return f"says {key} {said.get(key)!r}, its run.json {record.get(key)!r}"
    predictions = read_predictions(workspace.root / "models" / variant / "predictions.npz")
    for split in ("validation", "test"):
        for key, value in measure(getattr(predictions, split)).items():
            told = said.get(split, {}).get(key, math.nan)
            if not math.isclose(told, value, rel_tol=1e-9, abs_tol=1e-12):
                return f"says {split}.{key} {told}, its predictions give {value}"
    return None


def summary_problem(workspace: Workspace, name: str, datasets: dict[str, str]) -> str | None:
    """Makes a file of the summary again, from the metrics of all variants.

    Args:
        workspace: to look at.
        name: of the file.
        datasets: the dataset of each variant.
    """
    report = reported(workspace.params)
    rows: list[dict[str, Any]] = [
        summary_row(
            variant,
            dataset,
            reported=report[variant],
            metrics=read_metrics(workspace.root / "metrics" / f"{variant}.json"),
        )
        for variant, dataset in datasets.items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        write_summary(Path(folder), rows)
        if Path(folder, name).read_bytes() != (workspace.root / "plots" / name).read_bytes():
            return "does not follow from metrics/"
    return None


def _sources(workspace: Workspace, dataset: str, backbone: Path | None) -> dict[str, Any]:
    """Returns all that a variant was made from: the archives of its data, and its backbone's."""
    sources = read(workspace.root / "data" / dataset / "manifest.json")["sources"]
    return sources | (read(workspace.root / backbone / PROVENANCE) if backbone else {})


def _labels_problem(predictions: Predictions, data: Path) -> str | None:
    """Compares what a variant was asked with the data: which classes, and which pictures of each."""
    names: Collection[str] = read(data / "class_names.json")
    if list(predictions.class_names) != names:
        return f"predicts other classes than {data.name} has"
    labels, split = array(data / "labels.npy"), array(data / "split.npy")
    for name in ("validation", "test"):
        if not np.array_equal(getattr(predictions, name).labels, labels[split == SETS.index(name)]):
            return f"predicts other {name} pictures than {data.name} has"
    return None
