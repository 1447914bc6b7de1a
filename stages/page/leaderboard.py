"""Tables of several variants: all, beside what the report says, and beside the variant each builds on."""

import math
from collections.abc import Callable, Sequence
from html import escape

from stages.page import labels
from stages.page.bilingual import NOTHING, decimal, interval, text, translated, whole
from stages.page.content import StudyView, VariantView
from stages.page.small_figures import accuracy_axis, accuracy_interval
from stages.page.tables import Column, table
from stages.results.drawing import DASHES, PALETTE
from stages.results.summary import is_one_seed


def leaderboard(study: StudyView) -> str:
    """Returns the table of all variants, which a script makes sortable; a row says what data it is of."""
    variants = list(study.variants.values())
    scale = _scale(variants)
    strip = text("strip_report" if study.has_report else "strip") + accuracy_axis(scale)
    columns = [
        Column(text("variant"), link, value=lambda v: v.name, leads=True),
        Column(text("accuracy"), accuracy, True, lambda v: v.row["accuracy"]),
        Column(strip, lambda v: _strip(v, scale)),
        Column("§", lambda v: escape(v.row["section"] or ""), value=lambda v: v.row["section"] or "~"),
        _number("ensemble", lambda v: v.row["ensemble"]),
        _number("reported", lambda v: v.row["reported_accuracy"]),
        _number("difference", lambda v: v.row["difference"], "+.3f"),
        Column(text("verdict"), verdict, value=lambda v: v.row["verdict"]),
        _number("loss", lambda v: v.row["loss"]),
        _number("reported", lambda v: v.row["reported_loss"]),
        _number("top5", lambda v: v.test.get("top5")),
        _number("ece", lambda v: v.test.get("ece")),
        _number("parameters", lambda v: v.row["parameters"], ""),
        _number("epochs", lambda v: v.row["epochs"], ""),
    ]
    return table(columns, variants, text("all_variants"), _row)


def on_test_images(variants: Sequence[VariantView]) -> str:
    """Returns loss and accuracy on the test images, with the report's and the verdict where there are any."""
    columns = [
        Column(text("variant"), link, leads=True),
        Column(text("figure"), lambda v: labels.figure(v.row["figure"] or "")),
        Column(text("accuracy_interval"), _with_interval, True),
        _number("ensemble", lambda v: v.row["ensemble"]),
        _number("reported", lambda v: v.row["reported_accuracy"]),
        Column(text("difference_interval"), _difference, True),
        Column(text("verdict"), verdict),
        _number("loss", lambda v: v.row["loss"]),
        _number("reported", lambda v: v.row["reported_loss"]),
    ]
    return table(columns, variants, text("on_test_images"))


def climb(variants: Sequence[VariantView]) -> str:
    """Returns the steps of a ladder: the idea of each, and what it gains over the step before it."""
    columns = [
        Column(text("idea"), lambda v: translated(v.row["idea"]), leads=True),
        Column(text("variant"), link),
        Column(text("accuracy_interval"), _with_interval, True),
        _number("ensemble", lambda v: v.row["ensemble"]),
        _number("reported", lambda v: v.row["reported_accuracy"]),
        Column(text("gain"), accuracy_change, True),
        _number("loss", lambda v: v.row["loss"]),
    ]
    return table(columns, variants, text("climb"))


def steps(variants: Sequence[VariantView], study: StudyView) -> str:
    """Returns what each variant changes against its parent, knobs beside metrics; "" without any parent."""

    def loss_change(variant: VariantView) -> str:
        before = study.variants[variant.parent].test.get("loss")
        return NOTHING if variant.row["gain"] is None else decimal(variant.test["loss"] - before, "+.3f")

    columns = [
        Column(text("variant"), link, leads=True),
        Column(text("builds_on"), lambda v: link(study.variants[v.parent])),
        Column(text("what_changes"), knob_changes),
        Column(text("accuracy_interval"), accuracy_change, True),
        Column(text("loss"), loss_change, True),
    ]
    return table(columns, [variant for variant in variants if variant.parent], text("changed"))


def knob_changes(variant: VariantView) -> str:
    """Returns the knobs that differ from the parent's, with both values."""
    lines = []
    for name, (before, here) in variant.knobs.items():
        was = f'<del>{labels.knob(before)}</del> <span aria-hidden="true">→</span> ' if variant.parent else ""
        lines.append(f"<li><b>{escape(name)}</b> {was}<ins>{labels.knob(here)}</ins></li>")
    return f'<ul class="knobs">{"".join(lines)}</ul>' if lines else NOTHING


def accuracy_change(variant: VariantView) -> str:
    """Returns how much it is better than its parent, pale where that may be nothing, or why none can say."""
    gain, low, high, obstacle = (variant.row[f"gain{end}"] for end in ("", "_low", "_high", "_obstacle"))
    if obstacle:
        return f'<small class="reasons">{text("not_compared")}: {text(obstacle)}</small>'
    if gain is None:
        return NOTHING
    kind = "higher" if low > 0 else "lower" if high < 0 else "noise"
    return f'<span class="{kind}">{decimal(gain, "+.3f")}{interval(low, high, "+.3f")}</span>'


def accuracy(variant: VariantView) -> str:
    """Returns the mean over seeds with their deviation, or the accuracy of the one seed."""
    row = variant.row
    if not variant.has_run:
        return text("not run")
    deviation = f" ± {decimal(row['std'], '.3f')}" if row["seeds"] > 1 else ""
    seeds = text("one_seed") if row["seeds"] == 1 else text("several_seeds", n=row["seeds"])
    return f"{decimal(row['accuracy'], '.3f')}{deviation} <small>{seeds}</small>"


def link(variant: VariantView) -> str:
    """Returns a variant's name with its line, leading to what the page says of it."""
    return f'<a href="#variant-{escape(variant.name)}">{swatch(variant)}{escape(variant.name)}</a>'


def swatch(variant: VariantView) -> str:
    """Returns a piece of a variant's line."""
    kind = f"s{variant.style % len(PALETTE)} d{variant.style % len(DASHES)}"
    return f'<span class="swatch {kind}" aria-hidden="true"></span>'


def verdict(variant: VariantView) -> str:
    """Returns the verdict, with the reasons where there can be none; a dash where nothing is judged."""
    said = variant.row["verdict"]
    if said in ("not reported", "not run"):
        return NOTHING
    notes = [labels.obstacle(*reason) for reason in variant.obstacles]
    notes += [text("judged_by_one_seed")] * is_one_seed(variant.row)
    return labels.verdict(said) + (f' <small class="reasons">{"; ".join(notes)}</small>' if notes else "")


def _number(heading: str, value: Callable[[VariantView], float | None], form: str = ".3f") -> Column:
    """Returns a column of numbers; without a form, whole ones."""
    return Column(text(heading), lambda v: decimal(value(v), form) if form else whole(value(v)), True, value)


def _with_interval(variant: VariantView) -> str:
    return accuracy(variant) + interval(variant.row["accuracy_low"], variant.row["accuracy_high"])


def _difference(variant: VariantView) -> str:
    value, low, high = (variant.row[f"difference{end}"] for end in ("", "_low", "_high"))
    return decimal(value, "+.3f") + interval(low, high, "+.3f")


def _row(variant: VariantView) -> str:
    kind = "" if variant.has_run else ' class="missing"'
    return f'{kind} data-dataset="{escape(variant.row["dataset"] or "")}"'


def _strip(variant: VariantView, scale: tuple[float, float]) -> str:
    row = variant.row
    ends = (row["accuracy_low"], row["accuracy"], row["accuracy_high"]) if variant.has_run else None
    reported = None if variant.obstacles else row["reported_accuracy"]
    return accuracy_interval(ends, reported, scale)


def _scale(variants: Sequence[VariantView]) -> tuple[float, float]:
    """Returns the tenths between which all accuracies lie, those of the report and the intervals included."""
    keys = ("accuracy_low", "accuracy_high", "reported_accuracy")
    values = [variant.row[key] for variant in variants for key in keys if variant.row[key] is not None]
    low, high = (min(values), max(values)) if values else (0, 1)
    return math.floor(10 * low) / 10, max(math.ceil(10 * high), math.floor(10 * low) + 1) / 10
