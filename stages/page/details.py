"""What the page says about a variant when it is opened: knobs, layers, classes, what ran on what."""

from collections.abc import Iterator
from html import escape

from stages.page import labels, network_drawing, tables
from stages.page.bilingual import decimal, text, whole
from stages.page.calibration import calibration
from stages.page.chart_data import has_matrix
from stages.page.content import VariantView
from stages.page.leaderboard import knob_changes, swatch


def details(variant: VariantView, photos: str, outside: str) -> str:
    """Returns the fold of a variant.

    Args:
        variant: whether it has run or not.
        photos: HTML of its most confident mistakes, "" for none.
        outside: the charts of its section, HTML; the fold does not repeat curves that are among them.
    """
    name, verdict = escape(variant.name), variant.row["verdict"]
    chip = "" if verdict == "not reported" else labels.verdict(verdict)
    curves = chart(text("curves"), [variant.name]) if variant.has_epochs else ""
    blocks = "".join(f"<div>{block}</div>" for block in _blocks(variant))
    return f"""<details class="variant" id="variant-{name}"><summary><h3>{swatch(variant)}{name}</h3>
{chip}</summary>
{"" if curves in outside else curves}{photos}<div class="blocks">{blocks}</div></details>"""


def chart(title: str, names: list[str], note: str = "") -> str:
    """Returns the place where the page's script draws the curves of variants, all with epochs."""
    return f"""<figure class="chart" data-variants="{escape(" ".join(names))}">
<figcaption>{title}</figcaption><noscript><p>{text("no_script")}</p></noscript>{note}</figure>"""


def _blocks(variant: VariantView) -> Iterator[str]:
    found = variant.tables
    if variant.parent is None or not variant.has_run:
        title = text("what_changes" if variant.parent else "knobs")
        yield f"<h4>{title}</h4>{knob_changes(variant)}"
    if "loss" in found and not variant.has_epochs:
        yield tables.penalties(found, {variant.record["notes"].get("penalty")})
    if "architecture" in found:
        yield network_drawing.drawing(variant)
        yield tables.layers(found["architecture"], variant.record["parameters"]["total"])
    if "per_class_accuracy" in found:
        yield tables.worst_classes(found["per_class_accuracy"])
    if "confusion" in found:
        yield tables.worst_pairs(found["confusion"])
    if "calibration" in found:
        yield calibration(found["calibration"])
    if has_matrix(variant):
        name = escape(variant.name)
        title = f"<figcaption>{text('confusion')}</figcaption>"
        yield f'<figure class="matrix" data-variant="{name}">{title}</figure>'
    if variant.has_run:
        yield _record(variant)


def _record(variant: VariantView) -> str:
    """Returns what ran on what."""
    record = variant.record
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    images = " · ".join(whole(record["splits"][split]) for split in ("train", "validation", "test"))
    entries = [
        (text("data"), f"{escape(record['dataset'])}, {text(record['provenance'])}"),
        (text("classes"), whole(record["classes"])),
        (text("images"), images),
        (text("epochs"), whole(record["epochs"])),
        (text("ece"), decimal(variant.test.get("ece"), ".3f")),
        (text("seeds"), escape(", ".join(map(str, record["seeds"])))),
        (text("accuracies"), " · ".join(decimal(accuracy, ".3f") for accuracy in record["accuracies"])),
        (text("device"), escape(f"{record['device']}, {record['backend']}")),
        (text("versions"), escape(versions)),
    ]
    for name, source in record["sources"].items():
        origin = f"{text(source['kind'])}, <code>{escape((source['sha256'] or '')[:12])}…</code>"
        entries.append((escape(name), origin))
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in entries)
    return f"<h4>{text('ran_on')}</h4><dl>{listed}</dl>"
