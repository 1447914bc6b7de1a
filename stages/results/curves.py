"""Curves over epochs or penalties: mean and band over seeds, and the tables that hold them.

A curve is a table indexed by `epoch` or `penalty`, with the column `value` and, of several seeds, `low` and
`high`, one standard deviation below and above.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

Curves = Mapping[str, pd.DataFrame]  # by what a legend calls them

INDICES = ("epoch", "penalty")
BAND = ["low", "high"]


def over_seeds(histories: Sequence[pd.DataFrame], column: str) -> pd.DataFrame:
    """Returns the curve of a column of history.csv; where some seeds have stopped, that of the others.

    Args:
        histories: of each seed; the first column counts the rows.
        column: such as val_loss.
    """
    index = histories[0].columns[0]
    table = pd.concat([history.set_index(index)[column] for history in histories], axis=1).sort_index()
    curve = table.mean(axis=1).to_frame("value")
    if len(histories) > 1:
        deviation = table.std(axis=1).fillna(0.0)
        curve["low"], curve["high"] = curve["value"] - deviation, curve["value"] + deviation
    return curve


def write(path: Path, curves: Curves, key: str, quantity: str) -> None:
    """Writes the curves one below the other: index, `key`, `quantity` and, where there is one, the band.

    Args:
        path: of the CSV file.
        curves: by what `key` says of them, all of the same index.
        key: column of the curves' names.
        quantity: column of their values.
    """
    table = pd.concat(dict(curves), names=[key]).rename(columns={"value": quantity}).reset_index()
    _, index, *values = table.columns
    table[[index, key, *values]].to_csv(path, index=False)


def read(path: Path, line: str, quantity: str) -> pd.DataFrame:
    """Returns one curve of a file that `write` wrote with the key "line"."""
    table = pd.read_csv(path)
    index = table.columns[0]
    kept = table[table["line"] == line].set_index(index).rename(columns={quantity: "value"})
    return kept[["value", *(column for column in BAND if column in kept)]]
