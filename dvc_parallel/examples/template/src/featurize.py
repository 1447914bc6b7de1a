"""Makes powers of each point: python featurize.py PREPARED FOLDER."""

import json
import re
import sys
from pathlib import Path

degree = int(re.search(r"degree: (\d+)", Path("params.yaml").read_text())[1])
prepared, folder = map(Path, sys.argv[1:])
folder.mkdir(parents=True)
for path in prepared.glob("*.json"):
    rows = [[[x**power for power in range(degree + 1)], y] for x, y in json.loads(path.read_text())]
    (folder / path.name).write_text(json.dumps(rows))
