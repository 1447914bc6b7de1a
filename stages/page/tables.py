"""The page's tables: leaderboard, report beside here, steps from parents, layers, classes, confusions."""

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

import pandas as pd

from stages.page import labels
from stages.page.bilingual import NOTHING, decimal, interval, markup, percent, text, whole
from stages.page.content import Step, Study, Variant, confused, step
from stages.page.small_figures import accuracy_axis, accuracy_interval
from stages.results.figures import DASHES, PALETTE

WORST = 10  # classes, and pairs of classes, that are listed


class Column(NamedTuple):
    """A column: its heading as HTML, and whether it holds numbers."""

    heading: str
    is_number: bool = False


def leaderboard(variants: Sequence[Variant]) -> str:
    """Returns the table of all variants, which a script makes sortable; a row says what data it is of."""
    scale = _scale(variants)
    columns = [
        Column(text("Variant", "Variante")),
        Column("§"),
        Column(f"{text('Accuracy: ● here, ◇ report', 'Exactitud: ● aquí, ◇ informe')}{accuracy_axis(scale)}"),
        Column(text("Accuracy here", "Exactitud aquí"), True),
        Column(text("report", "informe"), True),
        Column(text("Difference", "Diferencia"), True),
        Column(text("Verdict", "Veredicto")),
        Column(text("Loss here", "Pérdida aquí"), True),
        Column(text("report", "informe"), True),
        Column("Top-5", True),
        Column(markup("Calibration error", "Error de calibración"), True),
        Column(text("Parameters", "Parámetros"), True),
        Column(text("Epochs", "Épocas"), True),
    ]
    heads = []
    for place, column in enumerate(columns):
        kind = ' class="number"' if column.is_number else ""
        inner = column.heading if place == 2 else f'<button type="button">{column.heading}</button>'
        heads.append(f'<th scope="col"{kind}>{inner}</th>')
    rows = "".join(_leader(variant, scale) for variant in variants)
    name = text("All variants; a heading sorts", "Todas las variantes; cada encabezado ordena")
    return _scrolling(
        f'<table class="leaderboard"><caption>{name}</caption><thead><tr>{"".join(heads)}</tr></thead>'
        f"<tbody>{rows}</tbody></table>",
        ("Leaderboard", "Clasificación"),
    )


def report_beside_here(variants: Iterable[Variant]) -> str:
    """Returns loss and accuracy on the test images, the report's and ours, with the verdict."""
    columns = [
        Column(text("Variant", "Variante")),
        Column(text("Figure", "Figura")),
        Column(text("Accuracy: report", "Exactitud: informe"), True),
        Column(text("here [95\N{NO-BREAK SPACE}%]", "aquí [95\N{NO-BREAK SPACE}%]"), True),
        Column(text("Difference [95\N{NO-BREAK SPACE}%]", "Diferencia [95\N{NO-BREAK SPACE}%]"), True),
        Column(text("Verdict", "Veredicto")),
        Column(text("Loss: report", "Pérdida: informe"), True),
        Column(text("here", "aquí"), True),
    ]
    rows = []
    for variant in variants:
        row = variant.row
        rows.append(
            [
                link(variant),
                _figure(row["figure"] or NOTHING),
                decimal(row["reported_accuracy"], ".3f"),
                decimal(row["accuracy"], ".3f") + interval(row["accuracy_low"], row["accuracy_high"]),
                decimal(row["difference"], "+.3f")
                + interval(row["difference_low"], row["difference_high"], "+.3f"),
                verdict(variant),
                decimal(row["reported_loss"], ".3f"),
                decimal(row["loss"], ".3f"),
            ]
        )
    return _table(columns, rows, text("On the test images", "Sobre las imágenes de test"))


def steps(variants: Iterable[Variant], study: Study) -> str:
    """Returns what each variant changes against its parent, knobs beside metrics; "" without any parent."""
    children = [variant for variant in variants if variant.parent]
    columns = [
        Column(text("Variant", "Variante")),
        Column(text("builds on", "parte de")),
        Column(text("What changes", "Qué cambia")),
        Column(text("Accuracy [95\N{NO-BREAK SPACE}%]", "Exactitud [95\N{NO-BREAK SPACE}%]"), True),
        Column(text("Loss", "Pérdida"), True),
    ]
    rows = []
    for variant in children:
        change = step(variant, study)
        parent = study.variants.get(variant.parent or "")
        rows.append(
            [
                link(variant),
                link(parent) if parent else escape(variant.parent or ""),
                knob_changes(variant),
                accuracy_change(change),
                decimal(change.loss, "+.3f") if change else NOTHING,
            ]
        )
    name = text("What changed, and what it changed", "Qué se cambió y qué cambió con ello")
    return _table(columns, rows, name) if rows else ""


def knob_changes(variant: Variant) -> str:
    """Returns the knobs that differ from the parent's, with both values."""
    lines = []
    for name, (before, here) in variant.knobs.items():
        was = f'<del>{labels.knob(before)}</del> <span aria-hidden="true">→</span> ' if variant.parent else ""
        lines.append(f"<li><b>{escape(name)}</b> {was}<ins>{labels.knob(here)}</ins></li>")
    return f'<ul class="knobs">{"".join(lines)}</ul>' if lines else NOTHING


def accuracy_change(change: Step | None) -> str:
    """Returns the difference of accuracies with its interval, pale where it may be nothing."""
    if change is None:
        return NOTHING
    kind = "higher" if change.low > 0 else "lower" if change.high < 0 else "noise"
    bounds = interval(change.low, change.high, "+.3f")
    return f'<span class="{kind}">{decimal(change.accuracy, "+.3f")}{bounds}</span>'


def layers(table: pd.DataFrame, total: int) -> str:
    """Returns the architecture as the report's tables have it.

    Args:
        table: as `architecture.table` writes it.
        total: parameters of the whole model.
    """
    columns = [
        Column("#", True),
        Column(text("Layer", "Capa")),
        Column(text("Kernel", "Kernel"), True),
        Column(text("Dimension in | out", "Dimensión entrada | salida"), True),
        Column(text("Channels in | out", "Canales entrada | salida"), True),
        Column(text("Parameters", "Parámetros"), True),
    ]
    rows, number = [], 0
    for row in table.itertuples():
        number += row.kind not in labels.UNNUMBERED
        maps = row.kind in ("Conv2D", "Backbone") or row.kind.endswith("Conv2D")
        rows.append(
            [
                "" if row.kind in labels.UNNUMBERED else str(number),
                labels.layer(row.kind),
                _pair(row.kernel),
                _pair(row.size_in, row.size_out),
                _pair(row.channels_in, row.channels_out) if maps else NOTHING,
                "" if pd.isna(row.parameters) else whole(row.parameters),
            ]
        )
    rows.append(["", text("Total", "Total"), "", "", "", whole(total)])
    return _table(columns, rows, text("Architecture", "Arquitectura"))


def worst_classes(classes: pd.DataFrame) -> str:
    """Returns the classes that are recognised least.

    Args:
        classes: columns class, accuracy and n, worst first.
    """
    columns = [
        Column(text("Class", "Clase")),
        Column(text("Recognised", "Acierto"), True),
        Column("n", True),
    ]
    rows = [
        [escape(str(name)), percent(accuracy), whole(n)]
        for name, accuracy, n in classes.head(WORST).itertuples(index=False)
    ]
    return _table(columns, rows, text("Classes recognised least", "Clases con menos aciertos"))


def worst_pairs(confusion: pd.DataFrame) -> str:
    """Returns who is taken for whom."""
    columns = [
        Column(text("Class", "Clase")),
        Column(text("taken for", "confundida con")),
        Column(text("Share", "Parte"), True),
        Column("n", True),
    ]
    rows = [
        [escape(actual), escape(predicted), percent(images / total), f"{images}/{total}"]
        for actual, predicted, images, total in confused(confusion, WORST)
    ]
    return _table(columns, rows, text("Who is taken for whom", "Quién se confunde con quién"))


def link(variant: Variant) -> str:
    """Returns a variant's name with its line, leading to what the page says of it."""
    return f'<a href="#variant-{escape(variant.name)}">{swatch(variant)}{escape(variant.name)}</a>'


def swatch(variant: Variant) -> str:
    """Returns a piece of a variant's line."""
    kind = f"s{variant.style % len(PALETTE)} d{variant.style % len(DASHES)}"
    return f'<span class="swatch {kind}" aria-hidden="true"></span>'


def verdict(variant: Variant) -> str:
    """Returns the verdict, with the reasons where there can be none."""
    chip = labels.verdict(variant.row["verdict"])
    if "not comparable" not in variant.row["verdict"]:
        return chip
    reasons = "; ".join(labels.obstacle(*reason) for reason in variant.obstacles)
    return f'{chip} <small class="reasons">{reasons}</small>'


def _scale(variants: Sequence[Variant]) -> tuple[float, float]:
    """Returns the tenths between which all accuracies lie, those of the report and the intervals included."""
    keys = ("accuracy_low", "accuracy_high", "reported_accuracy")
    values = [variant.row[key] for variant in variants for key in keys if variant.row[key] is not None]
    low, high = (min(values), max(values)) if values else (0, 1)
    return math.floor(10 * low) / 10, max(math.ceil(10 * high), math.floor(10 * low) + 1) / 10


def _leader(variant: Variant, scale: tuple[float, float]) -> str:
    row = variant.row
    test = variant.metrics.get("test", {})
    cells = [
        (link(variant), variant.name, False),
        (escape(row["section"] or ""), row["section"] or "~", False),
        ("", None, False),
        (decimal(row["accuracy"], ".3f"), row["accuracy"], True),
        (decimal(row["reported_accuracy"], ".3f"), row["reported_accuracy"], True),
        (decimal(row["difference"], "+.3f"), row["difference"], True),
        (verdict(variant), row["verdict"], False),
        (decimal(row["loss"], ".3f"), row["loss"], True),
        (decimal(row["reported_loss"], ".3f"), row["reported_loss"], True),
        (decimal(test.get("top5"), ".3f"), test.get("top5"), True),
        (decimal(test.get("ece"), ".3f"), test.get("ece"), True),
        (whole(row["parameters"]), row["parameters"], True),
        (whole(row["epochs"]), row["epochs"], True),
    ]
    reported = None if variant.obstacles else row["reported_accuracy"]
    ends = (row["accuracy_low"], row["accuracy"], row["accuracy_high"]) if variant.has_run else None
    cells[2] = (accuracy_interval(ends, reported, scale), None, False)
    first, *others = (
        f"<{'td' if place else 'th scope=row'}{' class=number' if is_number else ''}"
        f"{'' if value is None else f' data-value={_quoted(value)}'}>{content}</{'td' if place else 'th'}>"
        for place, (content, value, is_number) in enumerate(cells)
    )
    kind = "" if variant.has_run else ' class="missing"'
    return f'<tr{kind} data-dataset="{escape(row["dataset"] or "")}">{first}{"".join(others)}</tr>'


def _quoted(value: float | str) -> str:
    return f'"{escape(str(value))}"'


def _figure(name: str) -> str:
    name = name.replace("Fig. ", "Fig.\N{NO-BREAK SPACE}").replace("Table ", "Table\N{NO-BREAK SPACE}")
    return text(name, labels.spanish_figure(name))


def _pair(*values: float) -> str:
    """Returns whole numbers with a bar between them, a dash for none."""
    known = [str(int(value)) if pd.notna(value) else "?" for value in values]
    return NOTHING if set(known) == {"?"} else " | ".join(known)


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Returns a table; the first cell of a row that is no number is its heading."""
    kinds = [' class="number"' if column.is_number else "" for column in columns]
    head = "".join(
        f'<th scope="col"{kind}>{column.heading}</th>' for column, kind in zip(columns, kinds, strict=True)
    )
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{cell}</td>' for cell, kind in zip(row, kinds, strict=True))}</tr>"
        for row in rows
    )
    table = f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return _scrolling(table, ("Table", "Tabla"))


def _scrolling(table: str, name: tuple[str, str]) -> str:
    """Returns a table that can be scrolled sideways, also by keys, where the page is narrow."""
    english, spanish = name
    names = f'aria-label="{english}" data-label-en="{english}" data-label-es="{spanish}"'
    return f'<div class="scroll" tabindex="0" role="group" {names}>{table}</div>'
