"""The page as HTML: one file with its style, scripts and data inside, which loads nothing."""

from collections import Counter
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from stages.page import labels, ladder, network_drawing
from stages.page.bilingual import TEXTS, named, text, translated
from stages.page.chart_data import as_json
from stages.page.conclusions import conclusions
from stages.page.content import StudyView, VariantView
from stages.page.details import chart, details
from stages.page.leaderboard import climb, leaderboard, on_test_images, steps
from stages.page.outline import SectionView, sections

FOLDER = Path(__file__).parent


def html(study: StudyView, photos: Mapping[str, str] | None = None, trial: str = "") -> str:
    """Returns the page.

    Args:
        study: its content.
        photos: variant -> HTML of its most confident mistakes, for a page that is not published.
        trial: HTML of the section that classifies images, likewise; it comes first.
    """
    found = sections(study)
    of_report = "_report" if study.has_report else ""
    parts = {
        "name": TEXTS[f"title{of_report}"]["en"],
        "title": text(f"title{of_report}"),
        "subtitle": text(f"subtitle{of_report}"),
        **{key: text(key) for key in ("skip", "language", "theme")},
        "all_need_script": " ".join(TEXTS["all_need_script"].values()),
        "contents": _contents(found),
        "overview": trial + _overview(study),
        "sections": "".join(_section(section, study, photos or {}) for section in found),
        "foot": _foot(study),
        "data": as_json(study),
    }
    files = {name: (FOLDER / f"page.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    return Template(files["html"]).substitute(parts, style=files["css"], script=files["js"])


def _contents(found: list[SectionView]) -> str:
    entries = [f'<li><a href="#overview">{text("overview")}</a></li>']
    for section in found:
        number = f"<b>{escape(section.number)}</b> " if section.number else ""
        entries.append(f'<li><a href="#{_anchor(section)}">{number}{translated(section.title)}</a></li>')
    return f"""<nav {named("contents")}>
<details open><summary>{text("contents")}</summary>
<ol>{"".join(entries)}</ol></details></nav>"""


def _overview(study: StudyView) -> str:
    variants = list(study.variants.values())
    present = [variant for variant in variants if variant.has_run]
    figures = [variant.row["verdict"] for variant in variants] if study.has_report else []
    return f"""<section id="overview"><h2>{text("overview")}</h2>
{_banner(present, study)}
<p class="lead">{text("have_run", present=len(present), all=len(variants))}</p>
{_ladders(study)}
{_conclusions(study)}{_verdicts(figures, "figures")}
{leaderboard(study)}
{_how_to_read(study)}
</section>"""


def _ladders(study: StudyView) -> str:
    drawn = "".join(map(ladder.figure, study.ladders))
    marks = text("ladder_marks", report=text("report_mark") if study.has_report else "")
    return f'{drawn}<p class="note">{marks}</p>' if drawn else ""


def _conclusions(study: StudyView) -> str:
    own, reported = (
        [claim.verdict for claim in study.claims if bool(claim.ladder) == is_own] for is_own in (True, False)
    )
    return _verdicts(reported, "conclusions") + _verdicts(own, "own_conclusions")


def _verdicts(verdicts: list[str], key: str) -> str:
    """Returns how often each verdict was given; "" for none."""
    counts = Counter(verdict.partition(" (")[0] for verdict in verdicts)
    chips = [
        f"<li><b>{counts[name]}</b> {labels.verdict(name)}</li>" for name in labels.VERDICTS if counts[name]
    ]
    return f'<ul class="verdicts"><li>{text(key)}</li>{"".join(chips)}</ul>' if chips else ""


def _how_to_read(study: StudyView) -> str:
    """Returns what verdicts and intervals mean, folded."""
    keys = ["of_figures"] * study.has_report + ["of_conclusions"] * bool(study.claims) + ["intervals"]
    notes = "".join(f'<p class="note">{text(key)}</p>' for key in keys)
    return f'<details id="reading"><summary>{text("how_to_read")}</summary>{notes}</details>'


def _banner(present: list[VariantView], study: StudyView) -> str:
    """Returns where the data come from, prominently if not from the publisher."""
    said = []
    for kind in ("stand-in", "generated", "own"):
        of_kind = [variant for variant in present if variant.record["provenance"] == kind]
        sources = [
            (variant.images, *source) for variant in of_kind for source in variant.record["sources"].items()
        ]
        files = {
            (images, name): source["sha256"] for images, name, source in sources if source["kind"] == kind
        }
        words = [
            translated(words)
            for file in dict.fromkeys(files.values())
            for start, words in study.told["stand_ins"].items()
            if file.startswith(start)
        ]
        listed = "; ".join(words or sorted({escape(variant.images) for variant in of_kind}))
        names = ", ".join(f"<code>{escape(f'{images}: {name}')}</code>" for images, name in sorted(files))
        fold = f"<details><summary>{text('files')}</summary><p>{names}</p></details>" if files else ""
        if of_kind:
            said.append(f"<p><strong>{text(kind)}.</strong> {text(f'{kind} means')} {listed}.</p>{fold}")
    return f'<div class="banner" role="note">{"".join(said)}</div>' if said else ""


def _section(section: SectionView, study: StudyView, photos: Mapping[str, str]) -> str:
    number = f'<span class="number">{escape(section.number)}</span> ' if section.number else ""
    whose = f"<b>{text('here' if section.ladder else 'the_report')}</b>"
    answer = f'<p class="answer">{whose} {translated(section.answer)}</p>' if section.answer else ""
    charts = _charts(section, study)
    folds = "".join(details(variant, photos.get(variant.name, ""), charts) for variant in section.variants)
    return f"""<section id="{_anchor(section)}"><h2>{number}{translated(section.title)}</h2>
<p class="question">{translated(section.question)}</p>
{answer}{conclusions(section.claims)}
{climb(section.ladder["steps"]) if section.ladder else on_test_images(section.variants)}
{network_drawing.figure(section.variants, study)}{charts}
{steps(section.variants, study)}
{folds}
</section>"""


def _charts(section: SectionView, study: StudyView) -> str:
    """Returns the comparisons of a section; without any, its variants with their parents."""
    drawn = []
    for name, group in section.comparisons.items():
        drawn.append(_chart(labels.comparison(name, group), group["variants"], study, least=2))
    if not drawn and section.variants:
        for images in dict.fromkeys(variant.images for variant in section.variants):
            shown = [variant for variant in section.variants if variant.images == images]
            names = [name for variant in shown for name in (variant.parent, variant.name) if name]
            title = f"{text('curves')}, {escape(images)}"
            drawn.append(_chart(title, list(dict.fromkeys(names)), study))
    return "".join(drawn)


def _chart(title: str, names: list[str], study: StudyView, least: int = 1) -> str:
    """Returns the place of a chart of the variants with curves; for fewer than `least`, what is missing."""
    drawn = [name for name in names if study.variants[name].has_epochs]
    missing = ", ".join(f"<code>{escape(name)}</code>" for name in names if name not in drawn)
    if len(drawn) < least:
        return f'<p class="note"><b>{title}</b>: {text("no_curves")} {missing}</p>'
    return chart(title, drawn, f'<p class="note">{text("no_curves")} {missing}</p>' if missing else "")


def _foot(study: StudyView) -> str:
    source = f"<p>{translated(study.told['source'])}</p>" if study.told["source"] else ""
    return f"<footer>{source}<p>{text('licence')}</p></footer>"


def _anchor(section: SectionView) -> str:
    if section.ladder:
        return f"ladder-{section.ladder['name']}"
    return f"section-{section.number.replace('.', '-')}" if section.number else "section-others"
