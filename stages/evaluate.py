"""Stage evaluate: how good is a trained variant? Reads its predictions and the description of its model."""

import argparse
import json
from pathlib import Path
from typing import Any

from stages.runtime.errors import run

EXAMPLE = """example:
  python -m stages.evaluate data/resolved/evaluate/final.json models/final \\
      data/provenance/cifar100.json metrics/final.json plots/variants/final
"""


def main(argv: list[str] | None = None) -> None:
    """Reads what a training run left behind, writes the variant's metrics and plots."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.evaluate",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("resolved", type=Path, help="what resolve wrote for this variant")
    parser.add_argument("model", type=Path, help="folder of the trained variant, such as models/final")
    parser.add_argument(
        "provenance", type=Path, help="of its data; for a fine-tune, run.json among the plots of its start"
    )
    parser.add_argument("metrics", type=Path, help="JSON file to write, such as metrics/final.json")
    parser.add_argument("plots", type=Path, help="folder to write, such as plots/variants/final")
    arguments = parser.parse_args(argv)

    from stages.results import architecture, evaluation, run_folder
    from stages.runtime import resolved
    from stages.runtime.atomic import replacing, write_json

    name = resolved.read(arguments.resolved, "evaluate").knobs["name"]
    trained = run_folder.read(arguments.model)
    data = json.loads(arguments.provenance.read_text(encoding="utf-8"))
    record, metrics = evaluation.record(trained, data), evaluation.metrics(trained)
    with replacing(arguments.plots) as folder:
        folder.mkdir()
        evaluation.write_plots(folder, trained, record, metrics)
        first = run_folder.seed_folders(arguments.model)[0]
        architecture.table(first / "model.keras").to_csv(folder / "architecture.csv", index=False)
        write_json(folder / "run.json", record)
    write_json(arguments.metrics, metrics)
    print(f"{name}: {_summary(metrics, record['splits']['test'])}")


def _summary(metrics: dict[str, Any], images: int) -> str:
    test = metrics["test"]
    spread = f" ± {test['std']:.4f} over {metrics['seeds']} seeds" if "std" in test else ""
    interval = f"95 % interval {test['low']:.4f} to {test['high']:.4f}, n = {images}"
    return f"test loss {test['loss']:.4f}, accuracy {test['accuracy']:.4f}{spread} ({interval})"


if __name__ == "__main__":
    run(main)
