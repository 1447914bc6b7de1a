"""Stage compare: what does each variant give beside the others and beside the report?"""

import argparse
from collections import Counter
from pathlib import Path

from stages.runtime.errors import run

EXAMPLE = """example:
  python -m stages.compare data/resolved/compare/study.json metrics plots/variants plots
"""


def main(argv: list[str] | None = None) -> None:
    """Reads what evaluate wrote about each variant, writes the summary and the comparisons."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.compare",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("resolved", type=Path, help="what resolve wrote about the study")
    parser.add_argument("metrics", type=Path, help="folder with the metrics of the variants that have run")
    parser.add_argument("variant_plots", type=Path, help="folder with their plots")
    parser.add_argument("plots", type=Path, help="folder to write summary.csv, .md and comparisons/ in")
    arguments = parser.parse_args(argv)

    from stages.results import comparisons, evaluation, figures, summary
    from stages.runtime import resolved
    from stages.runtime.atomic import replacing

    study = resolved.read(arguments.resolved, "compare").knobs
    variants, report = study["variants"], study["report"]
    metrics, records = summary.read(variants, arguments.metrics, arguments.variant_plots)
    rows = [summary.row(name, report, records.get(name), metrics.get(name)) for name in variants]
    groups = study["comparisons"]
    styles = comparisons.styles(study)
    known = {"records": records, "report": report, "styles": styles, "plots": arguments.variant_plots}
    with replacing(arguments.plots / "comparisons") as folder:
        folder.mkdir()
        drawn = [
            comparisons.write_comparison(folder, name, group["variants"], group.get("report", ""), **known)
            for name, group in groups.items()
        ]
        kinds = sorted({record["provenance"] for record in records.values()})
        if kinds:
            notes = ", ".join(filter(None, map(evaluation.data_note, kinds)))
            title = f"Every variant of the study ({notes})" if notes else "Every variant of the study"
            figures.draw_overview(folder / "overview.png", rows, title=title)
    summary.write_summary(arguments.plots, rows, records)
    verdicts = Counter(row["verdict"].partition(" (")[0] for row in rows)
    counts = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.items())
    compared = f"{len(rows)} variant{'s' if len(rows) > 1 else ''}"
    print(f"{compared}: {counts}; {sum(drawn)} of {len(groups)} comparisons drawn")


if __name__ == "__main__":
    run(main)
