"""Tables of several variants: all of them, against the report, and against the variant each builds on."""

from collections.abc import Callable, Sequence
from functools import partial
from html import escape

from stages.page import labels
from stages.page.bilingual import NOTHING, decimal, interval, text, translated, whole
from stages.page.content import StudyView, VariantView
from stages.page.tables import Column, table
from stages.results import comparable
from stages.results.drawing import DASHES, PALETTE
from stages.results.summary import is_one_seed


def leaderboard(study: StudyView) -> str:
    """Returns a table per dataset with all its variants, which a script makes sortable."""
    found = []
    for images in dict.fromkeys(variant.images for variant in study.variants.values()):
        variants = [variant for variant in study.variants.values() if variant.images == images]
        strip = text("strip_report" if study.has_report else "strip")
        columns = [
            Column(text("variant"), link, value=lambda v: v.name, leads=True),
            Column(text("accuracy"), accuracy, True, lambda v: v.row["accuracy"]),
            Column(strip, _strip, is_extra=True),
            Column(
                "§",
                lambda v: escape(v.row["section"] or ""),
                value=lambda v: v.row["section"] or "~",
                is_extra=True,
            ),
            _number("ensemble", lambda v: v.row["ensemble"], is_extra=True),
            _number("reported", lambda v: v.row["reported_accuracy"], is_extra=True),
            Column(text("difference"), _judged, True, lambda v: v.row["difference"]),
            _number("top5", lambda v: v.test.get("top5"), is_extra=True),
            _number("parameters", lambda v: v.row["parameters"], "", is_extra=True),
            _number("epochs", lambda v: v.row["epochs"] or None, "", is_extra=True),
        ]
        caption = f"{escape(images)}: {text('all_variants')}"
        found.append(table(columns, variants, caption, "leaderboard"))
    return "".join(found)


def on_test_images(variants: Sequence[VariantView]) -> str:
    """Returns loss and accuracy on the test images, with the report's and the verdict where there are any."""
    columns = [
        Column(text("variant"), _with_figure, leads=True),
        *_accuracies(),
        Column(text("difference_interval"), _difference, True),
        Column(text("verdict"), verdict),
        _number("loss", lambda v: v.row["loss"]),
        _number("reported_loss", lambda v: v.row["reported_loss"]),
    ]
    return table(columns, variants, text("on_test_images"), "cards")


def climb(variants: Sequence[VariantView]) -> str:
    """Returns the steps of a ladder: the idea of each, and what it gains over the step before it."""
    columns = [
        Column(text("idea"), lambda v: translated(v.row["idea"]), leads=True),
        Column(text("variant"), link),
        *_accuracies(),
        Column(text("gain"), accuracy_change, True),
        _number("loss", lambda v: v.row["loss"]),
    ]
    return table(columns, variants, text("climb"), "cards")


def steps(variants: Sequence[VariantView], study: StudyView) -> str:
    """Returns what each variant changes against its parent, knobs and metrics; "" without any parent."""

    def loss_change(variant: VariantView) -> str:
        if variant.row["gain"] is None:
            return NOTHING
        return decimal(variant.test["loss"] - study.variants[variant.parent].test["loss"], "+.3f")

    columns = [
        Column(text("variant"), link, leads=True),
        Column(text("builds_on"), lambda v: link(study.variants[v.parent])),
        Column(text("what_changes"), knob_changes),
        Column(text("accuracy_change"), accuracy_change, True),
        Column(text("loss_change"), loss_change, True),
    ]
    return table(columns, [variant for variant in variants if variant.parent], text("changed"), "cards")


def knob_changes(variant: VariantView) -> str:
    """Returns the knobs that differ from the parent's, with both values."""
    lines = []
    for name, pair in variant.knobs.items():
        before, here = map(labels.knob, labels.differing(*pair) if variant.parent else pair)
        was = f'<del>{before}</del> <span aria-hidden="true">→</span> ' if variant.parent else ""
        all_of_it = f' title="{escape(labels.plain(pair[1]))}"' if isinstance(pair[1], dict) else ""
        lines.append(f"<li><b>{escape(name)}</b> {was}<ins{all_of_it}>{here}</ins></li>")
    return f'<ul class="knobs">{"".join(lines)}</ul>' if lines else NOTHING


def accuracy_change(variant: VariantView) -> str:
    """Returns how much better it is than its parent, pale if that may be nothing, or why that is unknown."""
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
        return f"<small>{text('not run')}</small>"
    deviation = f" ± {decimal(row['std'], '.3f')}" if row["seeds"] > 1 else ""
    seeds = text("one_seed") if row["seeds"] == 1 else text("several_seeds", n=row["seeds"])
    return f"{decimal(row['accuracy'], '.3f')}{deviation} <small>{seeds}</small>"


def link(variant: VariantView) -> str:
    """Returns a variant's name with its line, leading to what the page says of it."""
    name = escape(variant.name)
    return f'<a href="#variant-{name}">{swatch(variant)}{name.replace("_", "_<wbr>")}</a>'


def swatch(variant: VariantView) -> str:
    """Returns a piece of a variant's line."""
    kind = f"s{variant.style % len(PALETTE)} d{variant.style % len(DASHES)}"
    return f'<span class="swatch {kind}" aria-hidden="true"></span>'


def verdict(variant: VariantView) -> str:
    """Returns the verdict, or the reasons why there is none; a dash where nothing is judged."""
    said = variant.row["verdict"]
    if said in ("not reported", "not run"):
        return NOTHING
    notes = [labels.obstacle(*reason) for reason in variant.obstacles]
    if variant.row["difference"] is not None:
        notes += [text("judged_on_other_images")] * (not comparable.has_reports_images(variant.record))
    notes += [text("judged_by_one_seed")] * is_one_seed(variant.row)
    return labels.verdict(said) + (f' <small class="reasons">{"; ".join(notes)}</small>' if notes else "")


def _number(
    heading: str, value: Callable[[VariantView], float | None], form: str = ".3f", is_extra: bool = False
) -> Column:
    """Returns a column of numbers; without a form, whole ones."""
    shown = partial(decimal, form=form) if form else whole
    return Column(text(heading), lambda v: shown(value(v)), True, value, is_extra=is_extra)


def _accuracies() -> list[Column]:
    def with_interval(variant: VariantView) -> str:
        return accuracy(variant) + interval(variant.row["accuracy_low"], variant.row["accuracy_high"])

    return [
        Column(text("accuracy_interval"), with_interval, True),
        _number("ensemble", lambda v: v.row["ensemble"]),
        _number("reported", lambda v: v.row["reported_accuracy"]),
    ]


def _difference(variant: VariantView) -> str:
    value, low, high = (variant.row[f"difference{end}"] for end in ("", "_low", "_high"))
    return decimal(value, "+.3f") + interval(low, high, "+.3f")


def _judged(variant: VariantView) -> str:
    """Returns the difference from the report with the sign of its verdict."""
    value = variant.row["difference"]
    return (
        NOTHING
        if value is None
        else f"{labels.verdict(variant.row['verdict'], True)} {decimal(value, '+.3f')}"
    )


def _with_figure(variant: VariantView) -> str:
    figure = variant.row["figure"]
    return link(variant) + (f" <small>{labels.figure(figure)}</small>" if figure else "")


def _strip(variant: VariantView) -> str:
    """Returns a bar as long as the accuracy, and a mark at the report's if comparable."""
    if not variant.has_run:
        return NOTHING
    here, there = variant.row["accuracy"], variant.row["reported_accuracy"]
    mark = "" if variant.row["difference"] is None else f'<i style="left:{100 * there:.1f}%"></i>'
    return f'<span class="strip" style="--here:{100 * here:.1f}%" aria-hidden="true">{mark}</span>'
