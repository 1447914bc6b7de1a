"""What the page's script says and draws, as JSON: curves and confusion matrices, rounded to what shows."""

import json
from typing import Any

import pandas as pd

from stages.page.bilingual import TEXTS
from stages.page.content import QUANTITIES, StudyView, VariantView

LINES = ("training", "validation")
MOST_NAMED = 40  # classes of a drawn confusion matrix; of more, the page lists only the worst pairs
DIGITS = 4


def as_json(study: StudyView) -> str:
    """Returns the script's data; `<` is escaped, as it stands inside a script element."""
    variants = {name: _variant(variant) for name, variant in study.variants.items() if variant.has_run}
    data = {"words": TEXTS["script"], "variants": variants}
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace(
        "<", "\\u003c"
    )


def has_matrix(variant: VariantView) -> bool:
    """Returns whether a variant's confusion matrix is drawn."""
    return "confusion" in variant.tables and variant.record["classes"] <= MOST_NAMED


def _variant(variant: VariantView) -> dict[str, Any]:
    drawn: dict[str, Any] = {"style": variant.style}
    if variant.has_epochs:
        drawn |= _curves(variant)
    reported = {key: variant.reported[key] for key in QUANTITIES if key in variant.reported}
    if reported and not variant.obstacles:
        drawn["reported"] = reported
    if has_matrix(variant):
        drawn["confusion"] = _matrix(variant.tables["confusion"])
    return drawn


def _curves(variant: VariantView) -> dict[str, Any]:
    """Returns the epochs and, by quantity, a list per line and the bands if several seeds ran."""
    drawn: dict[str, Any] = {"bands": {}}
    for quantity in QUANTITIES:
        table = variant.tables[quantity]
        values = table.pivot(index="epoch", columns="line")
        drawn["epochs"] = values.index.tolist()
        drawn[quantity] = [_rounded(values[quantity][line]) for line in LINES]
        if "low" in table:
            ends = [[values[end][line] for end in ("low", "high")] for line in LINES]
            drawn["bands"][quantity] = [list(map(_rounded, pair)) for pair in ends]
    return drawn


def _rounded(column: pd.Series) -> list[float | None]:
    return column.round(DIGITS).astype(object).where(column.notna(), None).tolist()


def _matrix(confusion: pd.DataFrame) -> dict[str, Any]:
    """Returns the names of classes and the images of each true class, row by row."""
    names = confusion["actual"].unique()
    table = confusion.pivot(index="actual", columns="predicted", values="images")
    return {
        "names": names.tolist(),
        "images": table.loc[names, names].fillna(0).round().astype(int).to_numpy().tolist(),
    }
