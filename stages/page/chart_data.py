"""What the page's script draws: curves and confusion matrices as JSON, rounded to what can be seen."""

import json
from typing import Any

import pandas as pd

from stages.page.content import QUANTITIES, Study, Variant

MOST_NAMED = 40  # classes of a drawn confusion matrix; of more, the page lists the worst pairs alone
DIGITS = 4


def as_json(study: Study) -> str:
    """Returns the script's data; `<` is escaped, as it stands inside a script element."""
    variants = {name: _variant(variant) for name, variant in study.variants.items() if variant.has_run}
    return json.dumps(variants, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def has_matrix(variant: Variant) -> bool:
    """Returns whether a variant's confusion matrix is drawn."""
    return "confusion" in variant.tables and variant.record["classes"] <= MOST_NAMED


def _variant(variant: Variant) -> dict[str, Any]:
    drawn: dict[str, Any] = {"style": variant.style}
    for quantity in QUANTITIES:
        if quantity in variant.tables:
            table = variant.tables[quantity].pivot(index="epoch", columns="line", values=quantity)
            drawn["epochs"] = table.index.tolist()
            drawn[quantity] = [
                table[line].round(DIGITS).astype(object).where(table[line].notna(), None).tolist()
                for line in ("training", "validation")
            ]
    reported = {key: variant.reported[key] for key in QUANTITIES if key in variant.reported}
    if reported and not variant.obstacles:
        drawn["reported"] = reported
    if has_matrix(variant):
        drawn["confusion"] = _matrix(variant.tables["confusion"])
    return drawn


def _matrix(confusion: pd.DataFrame) -> dict[str, Any]:
    """Returns the names of classes and the images of each true class, row by row."""
    names = confusion["actual"].unique()
    table = confusion.pivot(index="actual", columns="predicted", values="images")
    return {
        "names": names.tolist(),
        "images": table.loc[names, names].fillna(0).astype(int).to_numpy().tolist(),
    }
