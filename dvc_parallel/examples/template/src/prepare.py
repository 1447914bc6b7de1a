"""Draws points of a noisy parabola: python prepare.py FOLDER."""

import json
import random
import sys
from pathlib import Path

text = Path("params.yaml").read_text().splitlines()[0]
seed, n, split = (float(part.split(":")[1]) for part in text.partition(": {")[2].rstrip("}").split(","))
rng, folder = random.Random(int(seed)), Path(sys.argv[1])
points = [(x, x * x + rng.gauss(0, 0.05)) for x in (rng.uniform(-1, 1) for _ in range(int(n)))]
n_test = int(len(points) * split)
folder.mkdir(parents=True)
(folder / "test.json").write_text(json.dumps(points[:n_test]))
(folder / "train.json").write_text(json.dumps(points[n_test:]))
