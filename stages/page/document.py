"""The page as HTML: one file with its style, scripts and data inside, which loads nothing."""

from collections import Counter
from collections.abc import Mapping
from html import escape
from pathlib import Path

from stages.page import labels, tables
from stages.page.bilingual import markup, text, whole
from stages.page.chart_data import as_json, has_matrix
from stages.page.content import Part, Study, Variant, parts, step
from stages.page.small_figures import calibration_curve

FOLDER = Path(__file__).parent
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def html(study: Study, photos: Mapping[str, str] | None = None) -> str:
    """Returns the page.

    Args:
        study: its content.
        photos: variant -> HTML of its most confident mistakes, for a page that is not published.
    """
    found = parts(study)
    style, script = ((FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    sections = "".join(_section(part, study, photos or {}) for part in found)
    title = "The report and its reproduction" if study.report["results"] else "The study"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="color-scheme" content="light dark">
<title>convnet-study: {title}</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#content">{text("Skip to the content", "Ir al contenido")}</a>
{_header(study)}
<div class="columns">
{_contents(found)}
<main id="content" tabindex="-1">
{_overview(study)}
{sections}
</main>
</div>
<script type="application/json" id="data">{as_json(study)}</script>
<script>
{script}</script>
</body>
</html>
"""


def _header(study: Study) -> str:
    if study.report["results"]:
        title = text("The report and its reproduction", "El informe y su reproducción")
        subtitle = text(
            "A university report on convolutional networks, run again: every figure beside what came out"
            " here.",
            "Una práctica universitaria sobre redes convolucionales, ejecutada de nuevo: cada resultado"
            " junto al"
            " que se obtiene aquí.",
        )
    else:
        title = text("The study", "El estudio")
        subtitle = text("Every variant beside its parent.", "Cada variante junto a aquella de la que parte.")
    return f"""<header>
<div><h1>{title}</h1><p>{subtitle}</p></div>
<div class="switches">
<button type="button" id="language"><span lang="en">Español</span><span lang="es">English</span></button>
<button type="button" id="theme">{text("Light or dark", "Claro u oscuro")}</button>
</div>
</header>"""


def _contents(found: list[Part]) -> str:
    entries = [f'<li><a href="#overview">{text("Overview", "Resumen")}</a></li>']
    for part in found:
        number = f"<b>{escape(part.number)}</b> " if part.number else ""
        entries.append(f'<li><a href="#{_anchor(part)}">{number}{text(*part.text.title)}</a></li>')
    return f"""<nav aria-label="Contents" data-label-en="Contents" data-label-es="Contenido">
<details open><summary>{text("Contents", "Contenido")}</summary>
<ol>{"".join(entries)}</ol></details></nav>"""


def _overview(study: Study) -> str:
    variants = list(study.variants.values())
    present = [variant for variant in variants if variant.has_run]
    counts = Counter(variant.row["verdict"].partition(" (")[0] for variant in variants)
    chips = "".join(
        f"<li><b>{counts[name]}</b> {labels.verdict(name)}</li>" for name in labels.VERDICTS if counts[name]
    )
    explanation = markup(
        "Intervals are 95 % intervals of the test images (Wilson); a difference counts the images of both"
        " sides (Newcombe). A verdict is given only where data, classes, split sizes and epochs are the"
        " report's. Another seed would give other numbers, which no interval here counts.",
        "Los intervalos son del 95 % y cubren las imágenes de test (Wilson); una diferencia cuenta las"
        " imágenes"
        " de ambos lados (Newcombe). Solo hay veredicto donde datos, clases, tamaños de las particiones y"
        " épocas"
        " son los del informe. Otra semilla daría otros números, lo que ningún intervalo recoge aquí.",
    )
    return f"""<section id="overview"><h2>{text("Overview", "Resumen")}</h2>
{_banner(present)}
<p class="lead">{
        markup(
            f"<b>{len(present)} of {len(variants)}</b> variants have run.",
            f"Se han ejecutado <b>{len(present)} de {len(variants)}</b> variantes.",
        )
    }</p>
<ul class="verdicts">{chips}</ul>
<p class="note">{explanation}</p>
{_filter(variants)}
{tables.leaderboard(variants)}
</section>"""


def _filter(variants: list[Variant]) -> str:
    """Returns the choice of what data the leaderboard shows: accuracies on different data have no order."""
    names = list(dict.fromkeys(name for variant in variants if (name := variant.row["dataset"])))
    if len(names) < 2:
        return ""
    options = "".join(f'<option value="{escape(name)}">{escape(name)}</option>' for name in names)
    return f"""<p class="filter"><label>{text("Data:", "Datos:")} <select id="dataset">
<option value="" data-en="all" data-es="todos">all</option>{options}</select></label></p>"""


def _banner(present: list[Variant]) -> str:
    """Returns where the data come from, loudly where that is not the publisher."""
    said = []
    for kind in ("stand-in", "generated", "own"):
        files = {
            f"{variant.record['dataset']}: {name}"
            for variant in present
            if variant.record["provenance"] == kind
            for name, source in variant.record["sources"].items()
            if source["kind"] == kind
        }
        names = sorted(
            {variant.record["dataset"] for variant in present if variant.record["provenance"] == kind}
        )
        if names:
            listed = ", ".join(f"<code>{escape(name)}</code>" for name in sorted(files) or names)
            said.append(f"<p><strong>{labels.provenance(kind)}.</strong> {_meaning(kind)} {listed}.</p>")
    if not said:
        return ""
    return f'<div class="banner" role="note">{"".join(said)}</div>'


def _meaning(kind: str) -> str:
    if kind == "generated":
        return text(
            "The images are drawings, so no number says anything about the report:",
            "Las imágenes son dibujos, de modo que ningún número dice nada sobre el informe:",
        )
    if kind == "own":
        return text(
            "These results are never compared with the report:",
            "Estos resultados no se comparan con el informe:",
        )
    return text(
        "These results rest on files that are not the publisher's:",
        "Estos resultados se basan en ficheros que no son los originales:",
    )


def _section(part: Part, study: Study, photos: Mapping[str, str]) -> str:
    number = f'<span class="number">{escape(part.number)}</span> ' if part.number else ""
    answer = ""
    if part.text.answer[0]:
        answer = (
            f'<p class="answer"><b>{text("The report:", "El informe:")}</b> {text(*part.text.answer)}</p>'
        )
    variants = "".join(_variant(variant, study, photos.get(variant.name, "")) for variant in part.variants)
    return f"""<section id="{_anchor(part)}"><h2>{number}{text(*part.text.title)}</h2>
<p class="question">{text(*part.text.question)}</p>
{answer}
{tables.report_beside_here(part.variants)}
{_charts(part, study)}
{tables.steps(part.variants, study)}
{variants}
</section>"""


def _charts(part: Part, study: Study) -> str:
    """Returns the comparisons of a section; without any, its variants beside their parents."""
    drawn = []
    for name, group in part.comparisons.items():
        title = labels.comparison(name, group.get("report", ""))
        drawn.append(_chart(title, group["variants"], study, least=2))
    if not drawn:
        names = [name for variant in part.variants for name in (variant.parent, variant.name) if name]
        title = text("Learning curves", "Curvas de aprendizaje")
        drawn = [_chart(title, [name for name in dict.fromkeys(names) if name in study.variants], study)]
    return "".join(drawn)


def _chart(title: str, names: list[str], study: Study, least: int = 1) -> str:
    """Returns the place of a chart of the variants that have run; of fewer than `least`, what is missing."""
    present = [name for name in names if study.variants[name].has_run]
    missing = [name for name in names if not study.variants[name].has_run]
    listed = ", ".join(f"<code>{escape(name)}</code>" for name in missing)
    note = f"{text('not run yet:', 'sin ejecutar:')} {listed}" if missing else ""
    if len(present) < least:
        return f'<p class="note"><b>{title}</b>: {note}</p>'
    return _figure(title, present, f'<p class="note">{note}</p>' if note else "")


def _figure(title: str, names: list[str], note: str = "") -> str:
    without = text("The curves need JavaScript.", "Las curvas necesitan JavaScript.")
    return f"""<figure class="chart" data-variants="{escape(" ".join(names))}">
<figcaption>{title}</figcaption><noscript><p>{without}</p></noscript>{note}</figure>"""


def _variant(variant: Variant, study: Study, photos: str) -> str:
    name = escape(variant.name)
    summary = f"""<summary><h3>{tables.swatch(variant)}{name}</h3>
{labels.verdict(variant.row["verdict"])}</summary>"""
    if not variant.has_run:
        inner = f'<div class="blocks"><div>{_changes(variant, study)}</div></div>'
        return f'<details class="variant" id="variant-{name}">{summary}{inner}</details>'
    blocks = [_changes(variant, study)]
    found = variant.tables
    if "architecture" in found:
        blocks.append(tables.layers(found["architecture"], variant.record["parameters"]["total"]))
    if "per_class_accuracy" in found:
        blocks.append(tables.worst_classes(found["per_class_accuracy"]))
    if "confusion" in found:
        blocks.append(tables.worst_pairs(found["confusion"]))
    if "calibration" in found:
        blocks.append(
            f"<h4>{text('Calibration', 'Calibración')}</h4>{calibration_curve(found['calibration'])}"
        )
    if has_matrix(variant):
        title = text("Confusion on the test images", "Confusión en las imágenes de test")
        blocks.append(
            f'<figure class="matrix" data-variant="{name}"><figcaption>{title}</figcaption></figure>'
        )
    blocks.append(_record(variant))
    wide = _figure(text("Learning curves", "Curvas de aprendizaje"), [variant.name])
    inner = "".join(f"<div>{block}</div>" for block in blocks)
    return f"""<details class="variant" id="variant-{name}">{summary}
{wide}{photos}<div class="blocks">{inner}</div></details>"""


def _changes(variant: Variant, study: Study) -> str:
    """Returns the knobs that a variant sets beside what that changed."""
    parent = study.variants.get(variant.parent or "")
    if parent is None:
        return f"<h4>{text('Knobs', 'Ajustes')}</h4>{tables.knob_changes(variant)}"
    change = step(variant, study)
    effect = ""
    if change:
        effect = (
            f"<p>{text('Accuracy', 'Exactitud')}: {tables.accuracy_change(change)}"
            f" · {text('loss', 'pérdida')}: {tables.decimal(change.loss, '+.3f')}</p>"
        )
    title = text("Changed against", "Cambios respecto a")
    return f"<h4>{title} {tables.link(parent)}</h4>{tables.knob_changes(variant)}{effect}"


def _record(variant: Variant) -> str:
    """Returns what ran on what."""
    record = variant.record
    images = " · ".join(whole(record["splits"][split]) for split in ("train", "validation", "test"))
    entries = [
        (text("Data", "Datos"), f"{escape(record['dataset'])}, {labels.provenance(record['provenance'])}"),
        (text("Classes", "Clases"), whole(record["classes"])),
        (text("Images: training, validation, test", "Imágenes: entrenamiento, validación, test"), images),
        (text("Epochs", "Épocas"), whole(record["epochs"])),
        (text("Seed", "Semilla"), escape(str(record["seed"]))),
        (text("Ran on", "Ejecutado en"), escape(f"{record['device']}, {record['backend']}")),
        (
            text("Versions", "Versiones"),
            escape(", ".join(f"{name} {version}" for name, version in record["versions"].items())),
        ),
    ]
    for name, source in record["sources"].items():
        origin = f"{labels.provenance(source['kind'])}, <code>{escape((source['sha256'] or '')[:12])}…</code>"
        entries.append((escape(name), origin))
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in entries)
    return f"<h4>{text('What ran on what', 'Qué se ejecutó y con qué')}</h4><dl>{listed}</dl>"


def _anchor(part: Part) -> str:
    return f"section-{part.number.replace('.', '-')}" if part.number else "section-others"
