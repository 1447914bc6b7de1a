"""A study of four variants, two of which have run, and its page."""

from pathlib import Path
from typing import Any

import pandas as pd
from small_results import LAYERS, REPORT, write_curves, write_evaluated, write_model

from stages import report
from stages.results import architecture
from stages.runtime import resolved

EPOCHS = 8
STUDY: dict[str, Any] = {
    "variants": ["normalised", "final", "zoom_50", "mlp_head"],
    "groups": {"normalised": "variants", "final": "variants", "zoom_50": "variants", "mlp_head": "heads"},
    "extends": {"final": "normalised", "zoom_50": "normalised"},
    "one_optimum": [],
    "report": REPORT,
    "claims": [
        {
            "section": "2.7",
            "says": {"en": "It is better.", "es": "Es mejor."},
            "tests": [{"measure": "test_accuracy", "of": "final", "than": "normalised", "above": 0.02}],
        }
    ],
    "comparisons": {
        "zoom": {
            "title": {"en": "Zoom", "es": "Zoom"},
            "report": "Fig. 5",
            "variants": ["normalised", "zoom_50"],
        }
    },
    "order": ["zoom"],
    "source": {"en": "The report: a small one.", "es": "El informe: uno pequeño."},
    "stand_ins": {"ab": {"en": "other images of apples", "es": "otras imágenes de manzanas"}},
    "ladders": [],
    "sections": {
        "2.7": {
            "title": {"en": "The final model", "es": "Estimación del modelo final"},
            "question": {"en": "How good is the network?", "es": "¿Cómo se comporta la red?"},
            "answer": {"en": "Reasonably good, up from 0.42.", "es": "Razonablemente bien, frente a 0,42."},
        }
    },
    "images": dict.fromkeys(("normalised", "final", "zoom_50", "mlp_head"), "cifar100"),
    "changes": {
        "normalised": {"parent": None, "knobs": {"epochs": [None, 2], "filters": [None, [6, 16]]}},
        "final": {"parent": "normalised", "knobs": {"flip": [False, True], "batch_norm": ["none", "before"]}},
        "zoom_50": {"parent": "normalised", "knobs": {"zoom": [0.0, 0.5]}},
        "mlp_head": {"parent": None, "knobs": {}},
    },
}


def write_variant(folder: Path, name: str, accuracy: float = 0.5, seeds: int = 1, **changes: Any) -> None:
    """Writes all that evaluate leaves of a variant with `EPOCHS` epochs and three classes."""
    write_evaluated(folder, name, test={"accuracy": accuracy}, seeds=seeds, **changes)
    plots = folder / "plots" / "variants" / name
    for quantity in ("loss", "accuracy"):
        values = {epoch: 0.9 / epoch for epoch in range(1, EPOCHS + 1)}
        write_curves(plots / f"{quantity}.csv", quantity, values, seeds)
    cells = [
        ("apple", "apple", 3),
        ("apple", "nan", 1),
        ("nan", "nan", 2),
        ("nan", "apple", 0),
        ("<b>", "<b>", 4),
    ]
    pd.DataFrame(cells, columns=["actual", "predicted", "images"]).to_csv(
        plots / "confusion.csv", index=False
    )
    classes = [("apple", 0.75, 4, 0.3, 0.95), ("nan", 1.0, 2, 0.34, 1.0), ("<b>", 1.0, 4, 0.51, 1.0)]
    table = pd.DataFrame(classes, columns=["class", "accuracy", "n", "low", "high"])
    table.to_csv(plots / "per_class_accuracy.csv", index=False)
    bins = pd.DataFrame({"confidence": [0.3, 0.8], "accuracy": [0.25, 1.0], "images": [4, 6]})
    bins.to_csv(plots / "calibration.csv", index=False)
    write_model(folder / "model.keras", LAYERS)
    architecture.table(folder / "model.keras").to_csv(plots / "architecture.csv", index=False)


def build_page(folder: Path, study: dict[str, Any] = STUDY, **changes: Any) -> Path:
    """Writes the variants `final` and `normalised`, runs the stage, returns the page."""
    for name, accuracy in (("normalised", 0.4), ("final", 0.5)):
        if not (folder / "metrics" / f"{name}.json").exists():
            write_variant(folder, name, accuracy, **changes)
    return run_report(folder, study)


def run_report(folder: Path, study: dict[str, Any] = STUDY, *options: str, name: str = "report.html") -> Path:
    """Runs the stage on what is in `folder`; returns the page."""
    resolved.write(folder / "study.json", "report", study)
    page = folder / "plots" / name
    places = folder / "study.json", folder / "metrics", folder / "plots" / "variants", page
    report.main([*map(str, places), *options])
    return page
