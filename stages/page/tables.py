"""Tables as HTML, and those of one variant: layers, classes, confusions, penalties."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from html import escape
from operator import itemgetter
from typing import Any, NamedTuple

import pandas as pd

from stages.page import labels
from stages.page.bilingual import NOTHING, decimal, named, percent, text, whole
from stages.page.content import QUANTITIES

WORST = 10  # classes, and pairs of classes, that are listed


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        heading: HTML.
        cell: what it shows for a row's item, HTML.
        is_number: whether it is set to the right.
        value: what the page's script sorts it by, None last; without it, it has no button.
        leads: whether its cells are the headings of their rows.
        is_extra: whether narrow windows leave it out.
    """

    heading: str
    cell: Callable[[Any], str]
    is_number: bool = False
    value: Callable[[Any], float | str | None] | None = None
    leads: bool = False
    is_extra: bool = False


def table(columns: Sequence[Column], items: Sequence[Any], caption: str, kind: str = "") -> str:
    """Returns a table of the columns that have anything to show; "" if none has.

    Args:
        columns: from left to right.
        items: one a row.
        caption: HTML.
        kind: "leaderboard", which can be sorted; "cards", of which narrow windows show a card per row; or "".
    """
    kept = [column for column in columns if any(column.cell(item) not in ("", NOTHING) for item in items)]
    if not kept:
        return ""
    if kind != "leaderboard":
        kept = [column._replace(value=None) for column in kept]
    head = "".join(map(_heading, kept))
    body = "".join(f"<tr>{''.join(_cell(column, item) for column in kept)}</tr>" for item in items)
    inner = f"<caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    frame = f'<div class="scroll" tabindex="0" role="group" {named("table")}>'  # keys scroll it, too
    return f"{frame}<table{f' class={kind}' if kind else ''}>{inner}</table></div>"


def layers(architecture: pd.DataFrame, total: int) -> str:
    """Returns the architecture as the report's tables have it.

    Args:
        architecture: as `architecture.table` writes it.
        total: parameters of the whole model.
    """
    rows, number = [], 0
    for row in architecture.itertuples():
        number += row.kind not in labels.UNNUMBERED
        maps = row.kind in ("Conv2D", "Backbone") or row.kind.endswith("Conv2D")
        rows.append(
            (
                "" if row.kind in labels.UNNUMBERED else str(number),
                labels.layer(row.kind),
                _pair(row.kernel),
                _pair(row.size_in, row.size_out),
                _pair(row.channels_in, row.channels_out) if maps else NOTHING,
                "" if pd.isna(row.parameters) else whole(row.parameters),
            )
        )
    rows.append(("", text("total"), "", "", "", whole(total)))
    headings = ("#", *map(text, ("layer", "kernel", "size", "channels", "parameters")))
    return table(_columns(headings, words=(1, 3), extra=(0, 2)), rows, text("architecture"))


def worst_classes(classes: pd.DataFrame) -> str:
    """Returns the least recognised classes.

    Args:
        classes: columns class, accuracy and n, worst first.
    """
    rows = [
        (escape(str(name)), percent(accuracy), whole(n))
        for name, accuracy, n in classes[["class", "accuracy", "n"]].head(WORST).itertuples(index=False)
    ]
    headings = (text("class"), text("recognised"), "n")
    return table(_columns(headings, words=(0,)), rows, text("least_recognised"))


def worst_pairs(confusion: pd.DataFrame) -> str:
    """Returns the most confused pairs of classes."""
    rows = [
        (escape(actual), escape(predicted), percent(images / total), f"{images:.0f}/{total:.0f}")
        for actual, predicted, images, total in _confused(confusion, WORST)
    ]
    headings = (text("class"), text("taken_for"), text("share"), "n")
    return table(_columns(headings, words=(0, 1)), rows, text("confused"))


def penalties(curves: Mapping[str, pd.DataFrame], chosen: Collection[float]) -> str:
    """Returns what each penalty of a convex head gave, the chosen ones in bold.

    Args:
        curves: loss and accuracy, columns penalty, line and the quantity.
        chosen: the penalties of the models.
    """
    sides = [
        curves[quantity].pivot(index="penalty", columns="line", values=quantity) for quantity in QUANTITIES
    ]
    rows = [
        (
            f"<b>{penalty:g}</b>" if penalty in chosen else f"{penalty:g}",
            *map(partial(decimal, form=".3f"), values),
        )
        for penalty, *values in pd.concat(sides, axis=1).itertuples(name=None)
    ]
    keys = ("penalty", "training_loss", "validation_loss", "training_accuracy", "validation_accuracy")
    return table(_columns([text(key) for key in keys]), rows, text("penalties"), "cards")


def _confused(confusion: pd.DataFrame, most: int) -> Iterator[tuple[str, str, float, float]]:
    """Yields confused classes, (class, predicted class, images, images of the class), worst first."""
    totals = confusion.groupby("actual")["images"].sum()
    wrong = confusion[(confusion["actual"] != confusion["predicted"]) & (confusion["images"] > 0)]
    for row in wrong.sort_values("images", ascending=False, kind="stable").head(most).itertuples():
        yield row.actual, row.predicted, row.images, totals[row.actual]


def _columns(headings: Sequence[str], words: Sequence[int] = (), extra: Sequence[int] = ()) -> list[Column]:
    """Returns columns of rows that are tuples of cells; numbers except at the places in `words`."""
    return [
        Column(heading, itemgetter(place), place not in words, is_extra=place in extra)
        for place, heading in enumerate(headings)
    ]


def _heading(column: Column) -> str:
    inner = f'<button type="button">{column.heading}</button>' if column.value else column.heading
    return f'<th scope="col"{_kind(column)}>{inner}</th>'


def _cell(column: Column, item: Any) -> str:
    value, shown = column.value(item) if column.value else None, column.cell(item)
    sorts = "" if value is None else f' data-value="{escape(str(value))}"'
    tag, scope = ("th", " scope=row") if column.leads else ("td", "")
    return f"<{tag}{scope}{_kind(column, shown)}{sorts}>{shown}</{tag}>"


def _kind(column: Column, shown: str | None = None) -> str:
    kinds = {"number": column.is_number, "extra": column.is_extra, "nothing": shown in ("", NOTHING)}
    found = " ".join(kind for kind, applies in kinds.items() if applies)
    return f' class="{found}"' if found else ""


def _pair(*values: float) -> str:
    """Returns whole numbers with a bar between them, a dash for none."""
    known = [str(int(value)) if pd.notna(value) else NOTHING for value in values]
    return NOTHING if set(known) == {NOTHING} else " | ".join(known)
