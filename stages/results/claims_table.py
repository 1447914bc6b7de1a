"""Conclusions next to what came out here: plots/conclusions.md to read, .csv with all digits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from stages.results.claims import HOLDS, REFUTED, UNKNOWN, Claim, Tested, form, names, said
from stages.results.comparable import Json
from stages.results.summary_table import table
from stages.runtime.atomic import replacing

TITLE = "# Conclusions, and whether they hold here"
NONE = "# Conclusions\n\nNone is listed in report.yaml.\n"
HOW_TO_READ = """
Tested over the seeds: ✓ marks a test whose whole 95 % interval lies where the sentence says, ✗ one whose
interval lies elsewhere, ? one that is inconclusive. Next to a *figure*, which the report reads off a curve,
is the interval for one more run of ours. A sentence *holds* if all its tests do, *in part* if some do.
docs/results.md says what each measure is and what its interval counts.
"""
HEADER = ("here [95 %]", "holds")
COLUMNS = (
    *("section", "ladder", "claim", "says", "claim_verdict"),
    *("measure", "of", "than", "said_to_be", "said_low", "said_high"),
    *("value", "low", "high", "counts", "seeds", "verdict", "reason", "lacking"),
)
SIGNS = {HOLDS: "✓", REFUTED: "✗", UNKNOWN: "?"}


def write_conclusions(folder: Path, claims: Sequence[Claim]) -> None:
    """Writes conclusions.md and conclusions.csv.

    Args:
        folder: plots.
        claims: as `claims.tested` returns them.
    """
    reported = [(f"§{claim.section}", *_row(claim)) for claim in claims if not claim.ladder]
    own = [(claim.ladder, *_row(claim)) for claim in claims if claim.ladder]
    text = f"{TITLE}\n{HOW_TO_READ}" if claims else NONE
    if reported:
        text += f"\n{table(('section', 'the report says', *HEADER), reported)}"
    if own:
        text += f"\n{table(('ladder', 'this study says', *HEADER), own)}"
    with replacing(folder / "conclusions.md") as partial:
        partial.write_text(text, encoding="utf-8")
    with replacing(folder / "conclusions.csv") as partial:
        cells = [
            _cells(number, claim, test) for number, claim in enumerate(claims, 1) for test in claim.tests
        ]
        pd.DataFrame(cells, columns=COLUMNS, dtype=object).to_csv(partial, index=False)


def region(test: Json) -> str:
    """Returns where a measure lies according to the report, such as > 0 or 0.6 to 0.7."""
    where, bounds = said(test)
    return {"above": "> ", "below": "< "}.get(where, "") + " to ".join(f"{bound:g}" for bound in bounds)


def _row(claim: Claim) -> tuple[str, str, str]:
    return claim.says["en"], "<br>".join(map(_sentence, claim.tests)), claim.verdict


def _sentence(tested: Tested) -> str:
    test, interval = tested.test, tested.interval
    what = " minus ".join(f"`{name}`" for name in names(test))
    line = f"{SIGNS[tested.verdict]} {test['measure'].replace('_', ' ')}, {what}: "
    if interval:
        value, low, high = (format(number, form(test)) for number in interval[:3])
        line += f"{value} [{low}, {high}], seeds: {' and '.join(map(str, tested.seeds))}; "
    line += f"{'figure' if 'figure' in test else 'said'} {region(test)}"
    return line + (f" ({tested.reason}: `{'`, `'.join(tested.lacking)}`)" if tested.reason else "")


def _cells(number: int, claim: Claim, tested: Tested) -> tuple[Any, ...]:
    test, interval = tested.test, tested.interval
    kind = "figure" if "figure" in test else "region"
    return (
        *(claim.section, claim.ladder, number, claim.says["en"], claim.verdict),
        *(test["measure"], test["of"], test.get("than"), kind),
        *test.get("figure", (test.get("above"), test.get("below"))),
        *(interval[:4] if interval else (None,) * 4),
        *(" ".join(map(str, tested.seeds)), tested.verdict, tested.reason, " ".join(tested.lacking)),
    )
