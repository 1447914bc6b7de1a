"""Stage compare: how does each variant do against the others and against the report?"""

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from stages.runtime.errors import run

EXAMPLE = """example:
  python -m stages.compare data/resolved/compare/study.json metrics plots/variants plots
"""


MOST_ROWS = 60  # of the overview, which nobody could read with a thousand


def main(argv: list[str] | None = None) -> None:
    """Reads what evaluate wrote about each variant, writes the tables and the comparisons."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.compare",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("resolved", type=Path, help="what resolve wrote about the study")
    parser.add_argument("metrics", type=Path, help="folder with the metrics of the variants that have run")
    parser.add_argument("variant_plots", type=Path, help="folder with their plots")
    parser.add_argument("plots", type=Path, help="folder to write the tables and comparisons/ in")
    arguments = parser.parse_args(argv)

    from stages.results import claims, claims_table, comparisons, evaluated, summary, summary_table
    from stages.runtime import resolved
    from stages.runtime.atomic import replacing

    study = resolved.read(arguments.resolved, "compare").knobs
    present = evaluated.read(study, arguments.metrics, arguments.variant_plots)
    rows = summary.rows(study, present)
    known = {
        "evaluated": present,
        "report": study["report"],
        "styles": comparisons.styles(study),
        "plots": arguments.variant_plots,
    }
    groups = study["comparisons"]
    with replacing(arguments.plots / "comparisons") as folder:
        folder.mkdir()
        drawn = [
            comparisons.write_comparison(folder, name, group["variants"], group.get("report", ""), **known)
            for name, group in groups.items()
        ]
        if present:
            _draw_overview(folder / "overview.png", rows)
            _draw_ladders(folder, study["ladders"], rows, present)
    records = {name: variant.record for name, variant in present.items()}
    summary_table.write_summary(arguments.plots, rows, records)
    claims_table.write_conclusions(arguments.plots, claims.tested(study, present))
    if not study["report"]["results"]:
        print(f"{len(present)} of {len(rows)} variants have run")
        return
    verdicts = Counter(row["verdict"].partition(" (")[0] for row in rows)
    counts = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.items())
    compared = f"{len(rows)} variant{'s' if len(rows) > 1 else ''}"
    print(f"{compared}: {counts}; {sum(drawn)} of {len(groups)} comparisons drawn")


def _draw_overview(path: Path, rows: list[dict[str, Any]]) -> None:
    """Draws the variants, those that the report knows first; of very many others only the best."""
    from stages.results import figures

    known = [row for row in rows if row["section"] is not None]
    others = [row for row in rows if row["section"] is None]
    room = max(0, MOST_ROWS - len(known))
    best = sorted(others, key=lambda row: row["accuracy"] or 0.0, reverse=True)[:room]
    names = {row["variant"] for row in best}
    drawn = known + [row for row in others if row["variant"] in names]
    which = "Every variant of the study" if len(drawn) == len(rows) else f"The best of {len(rows)} variants"
    figures.draw_overview(path, drawn, title=f"{which}{_data(rows)}")


def _draw_ladders(
    folder: Path, ladders: list[dict[str, Any]], rows: list[dict[str, Any]], present: dict[str, Any]
) -> None:
    """Draws the steps of each ladder that have run, if there are two."""
    from stages.results import ladder_figure, summary

    climbed = {ladder["title"]: summary.climb(ladder["steps"], rows, present) for ladder in ladders}
    climbed = {title: [step for step in steps if step["seeds"]] for title, steps in climbed.items()}
    if climbed := {title: steps for title, steps in climbed.items() if len(steps) > 1}:
        ladder_figure.draw_ladders(folder, "ladder", climbed, title=f"What each step brings{_data(rows)}")


def _data(rows: list[dict[str, Any]]) -> str:
    """Returns what a title says about data that are not the publisher's, " (stand-in data)"."""
    from stages.results import comparable

    kinds = sorted({row["provenance"] for row in rows if row["provenance"]})
    notes = ", ".join(filter(None, map(comparable.data_note, kinds)))
    return f" ({notes})" if notes else ""


if __name__ == "__main__":
    run(main)
