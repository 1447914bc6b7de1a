"""Fits weights by gradient descent: python train.py FEATURES MODEL RATE; its losses go to logs/."""

import json
import re
import sys
from pathlib import Path

epochs = int(re.search(r"epochs: (\d+)", Path("params.yaml").read_text())[1])
features, model, rate = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
rows = json.loads((features / "train.json").read_text())
weights, lines = [0.0] * len(rows[0][0]), ["epoch,loss"]
for epoch in range(1, epochs + 1):
    loss = 0.0
    for x, y in rows:
        error = sum(w * v for w, v in zip(weights, x, strict=True)) - y
        weights = [w - rate * error * v for w, v in zip(weights, x, strict=True)]
        loss += error * error / len(rows)
    lines.append(f"{epoch},{loss:.6f}")
    print(f"epoch {epoch}/{epochs}, loss {loss:.4f}", flush=True)
for path, text in (
    (model, json.dumps(weights)),
    (Path("logs", f"{model.stem}.csv"), "\n".join(lines) + "\n"),
):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
