"""Stage compare: what does each variant of the study give beside the others and beside the report?"""

import argparse
from collections import Counter
from pathlib import Path

from stages import parameters
from stages.atomic import replacing
from stages.errors import run
from stages.results.comparisons import write_comparison
from stages.results.contents import comparisons, dataset_of_each, mistakes, reported
from stages.results.records import read_metrics
from stages.results.summary import summary_row, write_summary


def main() -> None:
    """Reads what evaluate wrote of each variant, writes the summary and the comparisons."""
    parser = argparse.ArgumentParser(prog="python -m stages.compare", description=__doc__)
    parser.add_argument("params", type=Path, help="the study, params.yaml")
    parser.add_argument("metrics", type=Path, help="folder with the metrics of each variant that has run")
    parser.add_argument("variant_plots", type=Path, help="folder with the plots of each variant that has run")
    parser.add_argument(
        "plots", type=Path, help="folder to write summary.csv, .md, .json and comparisons/ in"
    )
    arguments = parser.parse_args()

    study = parameters.load(arguments.params, mistakes)
    datasets, report, groups = dataset_of_each(study), reported(study), comparisons(study)
    metrics = {name: read_metrics(arguments.metrics / f"{name}.json") for name in datasets}
    rows = [
        summary_row(name, dataset, reported=report[name], metrics=metrics[name])
        for name, dataset in datasets.items()
    ]
    provenances = {name: values["provenance"] for name, values in metrics.items() if values}
    with replacing(arguments.plots / "comparisons") as folder:
        folder.mkdir()
        drawn = [
            group.name
            for group in groups
            if write_comparison(folder, group, provenances=provenances, plots=arguments.variant_plots)
        ]
    write_summary(arguments.plots, rows)
    verdicts = ", ".join(
        f"{count} {verdict}" for verdict, count in Counter(row["verdict"] for row in rows).items()
    )
    print(f"{len(rows)} variants: {verdicts}; {len(drawn)} of {len(groups)} comparisons drawn")


if __name__ == "__main__":
    run(main)
