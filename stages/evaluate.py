"""Stage evaluate: how good is a trained variant? Reads its predictions, never its model."""

import argparse
from pathlib import Path

from stages.atomic import replacing, write_json
from stages.errors import run
from stages.hashes import check_files
from stages.results.classification import measure
from stages.results.predictions import read_predictions
from stages.results.records import read_run, title
from stages.results.variant_plots import write_variant_plots


def main() -> None:
    """Reads what a training left, writes the variant's metrics and plots."""
    parser = argparse.ArgumentParser(prog="python -m stages.evaluate", description=__doc__)
    parser.add_argument("model", type=Path, help="folder that train wrote, such as models/final")
    parser.add_argument("metrics", type=Path, help="JSON file to write, such as metrics/final.json")
    parser.add_argument("plots", type=Path, help="folder to write, such as plots/variants/final")
    arguments = parser.parse_args()

    record = read_run(arguments.model / "run.json")
    check_files(arguments.model, record.pop("sha256"))
    predictions = read_predictions(arguments.model / "predictions.npz")
    test, validation = measure(predictions.test), measure(predictions.validation)
    with replacing(arguments.plots) as folder:
        write_variant_plots(folder, arguments.model / "history.csv", predictions, title=title(record))
    write_json(arguments.metrics, record | {"test": test, "validation": validation})
    interval = f"95 % interval {test['accuracy_low']:.4f} to {test['accuracy_high']:.4f}, n = {test['n']}"
    print(f"{record['variant']}: test loss {test['loss']:.4f}, accuracy {test['accuracy']:.4f} ({interval})")


if __name__ == "__main__":
    run(main)
