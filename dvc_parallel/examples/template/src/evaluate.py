"""Measures all models: python evaluate.py FEATURES MODELS FOLDER."""

import json
import sys
from pathlib import Path

features, models, folder = map(Path, sys.argv[1:])
rows = json.loads((features / "test.json").read_text())
folder.mkdir(parents=True, exist_ok=True)
metrics, lines = {}, ["model,target,predicted"]
for path in sorted(models.glob("*.json")):
    weights = json.loads(path.read_text())
    predicted = [sum(w * v for w, v in zip(weights, x, strict=True)) for x, _ in rows]
    metrics[path.stem] = sum((p - y) ** 2 for p, (_, y) in zip(predicted, rows, strict=True)) / len(rows)
    lines += [f"{path.stem},{y:.4f},{p:.4f}" for p, (_, y) in zip(predicted, rows, strict=True)]
(folder / "metrics.json").write_text(json.dumps(metrics, indent=2))
(folder / "residuals.csv").write_text("\n".join(lines) + "\n")
