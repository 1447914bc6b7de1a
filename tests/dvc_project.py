"""A small project of real DVC stages, for tests of what DVC leaves and `verify` finds."""

from pathlib import Path

from commands import ROOT, succeed

PARAMS = "birds: 3\nvariants:\n  final: {seed: 0}\n  other: {seed: 1}\n"
PIPELINE = """
stages:
  prepare:
    cmd: python make.py prepare data/birds
    params: [birds]
    outs: [data/birds]
  train:
    foreach: ${variants}
    do:
      cmd: python make.py train models/${key}
      deps: [data/birds]
      params: ["variants.${key}"]
      outs: ["models/${key}"]
  evaluate:
    foreach: ${variants}
    do:
      cmd: python make.py evaluate models/${key} metrics/${key}.json
      deps: ["models/${key}"]
      metrics: ["metrics/${key}.json": {cache: false}]
"""
MAKE = """
import json, sys
from pathlib import Path
import numpy as np

verb, *paths = sys.argv[1:]
out = Path(paths[-1])
out.parent.mkdir(parents=True, exist_ok=True)
if verb == "prepare":
    out.mkdir()
    np.save(out / "images.npy", np.arange(99))
    (out / "class_names.json").write_text('["ant", "bee"]')
elif verb == "train":
    from stages.training import run_writer
    rng = np.random.default_rng(list(out.name.encode()))
    labels = rng.integers(0, 2, 20)
    for seed in range(2):
        split = rng.dirichlet([1, 1], 20), labels
        run_writer.write(
            out / f"seed-{seed}",
            save_model=lambda path: path.write_text(f"the network of {out.name}, seed {seed}"),
            history=[{"epoch": 1, "loss": rng.random()}],
            predictions={"validation": split, "test": split},
            class_names=["ant", "bee"],
            record={"name": out.name, "seed": seed, "recipe": "the same"},
        )
else:
    from stages.results import evaluation, run_folder
    out.write_text(json.dumps(evaluation.metrics(run_folder.read(Path(paths[0])))))
"""


def write(folder: Path) -> None:
    """Writes the project and runs it; dvc.lock and metrics are committed."""
    folder.mkdir()
    for name, text in {"params.yaml": PARAMS, "dvc.yaml": PIPELINE, "make.py": MAKE}.items():
        (folder / name).write_text(text)
    (folder / ".dvcignore").write_bytes((ROOT / ".dvcignore").read_bytes())
    succeed(folder, "git", "init", "-q")
    succeed(folder, "dvc", "init", "-q")
    (folder / ".dvc/config").write_bytes((ROOT / ".dvc/config").read_bytes())
    succeed(folder, "dvc", "repro", "-q")
    (folder / ".gitignore").write_text("/data\n/models\n")
    succeed(folder, "git", "add", ".")
    succeed(folder, "git", "commit", "-q", "-m", "Run")
