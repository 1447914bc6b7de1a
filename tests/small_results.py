"""Results of a small study: three classes, four images per split, two epochs."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from stages.results.evaluated import write_correct
from stages.results.statistics import accuracy_interval
from stages.training import run_writer

NAMES = ["apple", "baby", "bear"]
# Predicted, row by row: apple, baby, baby, bear; the true classes are apple, apple, baby, bear.
PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.125, 0.75, 0.125], [0, 0, 1]], np.float32)
LABELS = np.array([0, 0, 1, 2])
KEYS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
HISTORY = [
    dict(zip(KEYS, values, strict=True))
    for values in ((1, 3.0, 0.1, 3.1, 0.05, 0.01), (2, 2.5, 0.25, 2.75, 0.2, 0.01))
]
RECORD: dict[str, Any] = {
    "name": "final",
    "epochs": 2,
    "seed": 3,
    "threads": 1,
    "precision": "float32",
    "parameters": {"total": 12345, "trainable": 12000},
    "dataset": "cifar100",
    "splits": {"train": 40, "validation": 4, "test": 4},
    "classes": 3,
    "knobs": {"network": {"base_net": {"filters": [6, 16]}}, "epochs": 2},
    "recipe": "f" * 64,
    "fingerprint": "3" * 64,
    "notes": {},
    "last_epoch": 2,
    "image_size": 8,
    "resize": "squash",
    "inputs": {"images.npy": "ab", "labels.npy": "cd", "split.npy": "ef"},
    "backend": "tensorflow",
    "device": "CPU",
    "versions": {"keras": "3.15.0"},
    "settings": {},
}
SOURCES = {"archive.tar.gz": {"kind": "stand-in", "sha256": "ab"}}
OF_ONE_SEED = ("seed", "fingerprint")
EVALUATED: dict[str, Any] = {key: value for key, value in RECORD.items() if key not in OF_ONE_SEED} | {
    "seeds": [3],
    "accuracies": [0.5],
    "measured": {"test": {"loss": 1.5, "accuracy": 0.5, "top5": 1.0, "ece": 0.1}},
    "splits": {"train": 40, "validation": 4, "test": 100},
    "provenance": "stand-in",
    "format": "cifar100",
    "sources": SOURCES,
    "first_class": "apple",
    "last_class": "bear",
}
REPORT: dict[str, Any] = {
    "datasets": {
        "cifar100": {
            "classes": 3,
            "first_class": "apple",
            "last_class": "bear",
            "train": 40,
            "validation": 4,
            "test": 100,
        }
    },
    "results": {
        "final": {
            "dataset": "cifar100",
            "section": "2.7",
            "figure": "Fig. 16",
            "epochs": 2,
            "loss": 2.0,
            "accuracy": 0.25,
        }
    },
}
LAYERS: list[
    tuple[str, str, dict[str, Any], list[int]]
] = [  # name, class, configuration, shape of its output
    ("image", "InputLayer", {}, [4, 4, 3]),
    ("conv", "Conv2D", {"kernel_size": [3, 3], "filters": 2, "use_bias": True}, [2, 2, 2]),
    ("bn", "BatchNormalization", {"scale": True, "center": True}, [2, 2, 2]),
    ("relu", "Activation", {"activation": "relu"}, [2, 2, 2]),
    ("flatten", "Flatten", {}, [8]),
    ("logits", "Dense", {"units": 3, "use_bias": True}, [3]),
    ("probabilities", "Activation", {"activation": "softmax"}, [3]),
]
METRICS = {"seeds": 1, "test": {"loss": 1.5, "accuracy": 0.5, "low": 0.4, "high": 0.6}}


def write_model(path: Path, layers: list[tuple[str, str, dict[str, Any], list[int]]] = LAYERS) -> None:
    """Writes of a .keras file what describes the model: layers in a row."""
    described = []
    for place, (name, kind, config, _) in enumerate(layers):
        nodes = []
        if place:
            before, shape = layers[place - 1][0], [None, *layers[place - 1][3]]
            tensor = {"shape": shape, "dtype": "float32", "keras_history": [before, 0, 0]}
            nodes = [{"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": {}}]
        described.append(
            {
                "name": name,
                "module": "keras.layers",
                "class_name": kind,
                "config": config,
                "inbound_nodes": nodes,
            }
        )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(zipfile.ZipInfo("config.json"), json.dumps({"config": {"layers": described}}))


def write_run(folder: Path, *, probabilities: np.ndarray = PROBABILITIES, **changes: Any) -> Path:
    """Writes what train leaves of a seed in models/final; returns the folder.

    Args:
        folder: models/final.
        probabilities: float32[4, 3] of validation and test images.
        changes: of the record, or `history`.
    """
    split = (probabilities, LABELS)
    history = changes.pop("history", HISTORY)
    record = RECORD | changes
    run_writer.write(
        folder / f"seed-{record['seed']}",
        save_model=write_model,
        history=history,
        predictions={"validation": split, "test": split},
        class_names=NAMES,
        record=record,
    )
    return folder


def rights(accuracy: float, n: int, seeds: int = 1) -> np.ndarray:
    """Returns bool[seeds, n]: the first images are right, of each seed one more than of the one before."""
    return np.arange(n) < round(accuracy * n) + np.arange(seeds)[:, np.newaxis]


def write_evaluated(
    folder: Path, name: str, test: dict[str, float] | None = None, *, seeds: int = 1, **changes: Any
) -> None:
    """Writes what evaluate leaves of a variant: metrics/NAME.json and plots/variants/NAME.

    Args:
        folder: of the study.
        name: of the variant.
        test: changes of its metrics; the accuracy is that of the first seed.
        seeds: so many, the accuracy of each one image higher than that of the one before.
        changes: of its record.
    """
    record, measured = EVALUATED | {"name": name} | changes, METRICS["test"] | (test or {})
    correct = rights(measured["accuracy"], record["splits"]["test"], seeds)
    interval, accuracies = accuracy_interval(correct), correct.mean(axis=1)
    measured |= {"accuracy": interval.value, "low": interval.low, "high": interval.high}
    record["accuracies"] = accuracies.tolist()
    if seeds > 1:
        measured |= {"std": accuracies.std(ddof=1), "ensemble": accuracies[0] + 0.05}
        record["seeds"] = list(range(seeds))
    plots = folder / "plots" / "variants" / name
    plots.mkdir(parents=True)
    (folder / "metrics").mkdir(exist_ok=True)
    (folder / "metrics" / f"{name}.json").write_text(json.dumps({"seeds": seeds, "test": measured}))
    (plots / "run.json").write_text(json.dumps(record))
    write_correct(plots / "correct.csv", record["seeds"], correct)
    for quantity in ("loss", "accuracy"):
        write_curves(plots / f"{quantity}.csv", quantity, {epoch: 0.5 / epoch for epoch in (1, 2)}, seeds)


def write_curves(path: Path, quantity: str, values: dict[int, float], seeds: int = 1) -> None:
    """Writes equal curves of training and validation, with a band if there are several seeds."""
    rows = [f"epoch,line,{quantity}" + ",low,high" * (seeds > 1)]
    for line in ("training", "validation"):
        for epoch, value in values.items():
            band = f",{value - 0.125},{value + 0.125}" if seeds > 1 else ""
            rows.append(f"{epoch},{line},{value}{band}")
    path.write_text("\n".join([*rows, ""]))
