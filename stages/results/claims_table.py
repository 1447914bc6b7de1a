"""The report's conclusions beside what came out here: plots/conclusions.md to read, .csv with all digits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from stages.results.claims import HOLDS, REFUTED, UNKNOWN, Claim, Tested, names
from stages.results.comparable import Json
from stages.results.summary_table import table
from stages.runtime.atomic import replacing

TITLE = "# What the report concludes, and what holds here"
HOW_TO_READ = """
Each sentence is tested over the seeds: report.yaml says where a measure of a variant, or its difference
from another, lies if the sentence is true. ✓ marks a test whose whole 95 % interval lies there, ✗ one of
whose interval nothing does; else ? says that it cannot be told. What the report reads off its curves is
one run's, so beside such a *figure* is the interval for one more run of ours, and the figure is ✗ only
where all of it is elsewhere. A sentence *holds* where all its tests do, *in part* where some do, and
*does not hold* where none does and one at least is ✗.

Test accuracy is compared on the same images, paired, and its interval counts images and seeds. *Spread*
is how far apart two runs are in 95 of 100 cases. All else is of the last five epochs, a number per seed:
means have Student's interval and differences Welch's, which count seeds alone, on these validation
images; the interval of a figure counts other validation images, too. *Gap* is training accuracy, as it is
counted while training, less that of validation; *rise* is what validation accuracy gained over the five
epochs before; *oscillation* is the mean change of the validation loss from one epoch to the next, over
ten.
"""
HEADER = ("section", "the report says", "here [95 %]", "holds")
SIGNS = {HOLDS: "✓", REFUTED: "✗", UNKNOWN: "?"}


def write_conclusions(folder: Path, claims: Sequence[Claim]) -> None:
    """Writes conclusions.md and conclusions.csv.

    Args:
        folder: plots.
        claims: as `claims.tested` returns them.
    """
    rows = [
        (f"§{claim.section}", claim.says["en"], "<br>".join(map(_sentence, claim.tests)), claim.verdict)
        for claim in claims
    ]
    with replacing(folder / "conclusions.md") as partial:
        text = f"{TITLE}\n{HOW_TO_READ}\n{table(HEADER, rows)}" if rows else f"{TITLE}\n\nIt says nothing.\n"
        partial.write_text(text, encoding="utf-8")
    with replacing(folder / "conclusions.csv") as partial:
        cells = [
            _cells(number, claim, test) for number, claim in enumerate(claims, 1) for test in claim.tests
        ]
        pd.DataFrame(cells, dtype=object).to_csv(partial, index=False)


def region(test: Json) -> str:
    """Returns where a measure lies according to the report, such as > 0 or 0.6 to 0.7."""
    if "figure" in test or ("above" in test and "below" in test):
        low, high = test.get("figure") or (test["above"], test["below"])
        return f"{low:g} to {high:g}"
    return f"> {test['above']:g}" if "above" in test else f"< {test['below']:g}"


def _sentence(tested: Tested) -> str:
    test, interval = tested.test, tested.interval
    what = " less ".join(f"`{name}`" for name in names(test))
    said = f"{SIGNS[tested.verdict]} {test['measure'].replace('_', ' ')}, {what}: "
    if interval:
        form = "+.3f" if "than" in test or test["measure"] in ("gap", "rise") else ".3f"
        seeds = " and ".join(map(str, tested.seeds))
        said += f"{interval.value:{form}} [{interval.low:{form}}, {interval.high:{form}}], seeds: {seeds}; "
    said += f"{'figure' if 'figure' in test else 'said'} {region(test)}"
    return said + (f" ({tested.reason}: `{'`, `'.join(tested.lacking)}`)" if tested.reason else "")


def _cells(number: int, claim: Claim, tested: Tested) -> dict[str, Any]:
    test, interval = tested.test, tested.interval
    low, high = test.get("figure", (test.get("above"), test.get("below")))
    return {
        "section": claim.section,
        "claim": number,
        "says": claim.says["en"],
        "claim_verdict": claim.verdict,
        "measure": test["measure"],
        "of": test["of"],
        "than": test.get("than"),
        "said_to_be": "figure" if "figure" in test else "region",
        "said_low": low,
        "said_high": high,
        **dict(
            zip(("value", "low", "high", "counts"), interval[:4] if interval else (None,) * 4, strict=True)
        ),
        "seeds": " ".join(map(str, tested.seeds)),
        "verdict": tested.verdict,
        "reason": tested.reason,
        "lacking": " ".join(tested.lacking),
    }
