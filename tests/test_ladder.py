"""The page's ladders: a figure above all else, a section for each, and the home of rows beyond the report."""

import re

import pytest
from small_study import STUDY, build_page, run_report, write_variant
from test_report import OWN, text

from stages.results import contrasts, evaluated

STEPS = [
    {"variant": name, "idea": {"en": english, "es": spanish}}
    for name, english, spanish in (
        ("normalised", "normalised images", "imágenes normalizadas"),
        ("final", "flips", "volteos"),
        ("mlp_head", "a wider head", "un clasificador mayor"),
    )
]
WORDS = {
    "title": {"en": "From the ground up", "es": "Desde abajo"},
    "question": {"en": "What does each idea bring?", "es": "¿Qué aporta cada idea?"},
    "answer": {"en": "Flips bring most.", "es": "Lo que más aportan son los volteos."},
}
LADDER = {"name": "up", **WORDS, "steps": STEPS}
CLIMBING = STUDY | {"ladders": [LADDER]}


def figure(page):
    """Returns the markup of the page's only ladder."""
    (found,) = re.findall(r'<figure class="ladder">.*?</figure>', page, re.DOTALL)
    return found


def rows(page):
    """Returns the markup of each of its steps."""
    return re.findall(r"<li>.*?</li>", figure(page), re.DOTALL)


@pytest.fixture
def page(tmp_path):
    write_variant(tmp_path, "final", seeds=3)
    return build_page(tmp_path, CLIMBING).read_text(encoding="utf-8")


def test_it_is_the_first_figure_and_its_words_say_what_it_shows(tmp_path, page):
    assert page.index('class="ladder"') < page.index("class=leaderboard") < page.index('class="chart"')
    present = evaluated.read(STUDY, tmp_path / "metrics", tmp_path / "plots" / "variants")
    spreads = contrasts.spreads(present)
    gain = contrasts.between(
        *(present[name] for name in ("final", "normalised")),
        spread=spreads["final"],
        other_spread=spreads["normalised"],
    )
    bounds = f"[{gain.low:+.3f}, {gain.high:+.3f}]"
    assert gain.value == pytest.approx(0.11)
    first, second = map(text, rows(page))
    assert first.split() == ["normalised", "images", "0.400"]
    assert second.split() == ["flips", "0.510", "+0.110", *bounds.split()]
    assert text(rows(page)[1], "en").split()[0] == "volteos"


def test_a_step_has_a_dot_for_each_seed_and_hollow_marks_for_ensemble_and_report(page):
    first, second = rows(page)
    kinds = ("seed", "hollow", "mean", "reported", "way")
    assert [first.count(f'class="{kind}"') for kind in kinds] == [1, 0, 1, 0, 0]
    assert [second.count(f'class="{kind}"') for kind in kinds] == [3, 1, 1, 1, 2]
    assert [row.count("<rect") for row in (first, second)] == [0, 1]


def test_the_bar_reaches_from_the_step_before_to_this_one(page):
    first, second = rows(page)
    before, here = (re.search(r'class="mean" x1="([\d.]+)%"', row)[1] for row in (first, second))
    left, width = re.search(r'<rect x="([\d.]+)%" width="([\d.]+)%"', second).groups()
    assert left == before
    assert float(left) + float(width) == pytest.approx(float(here), abs=0.02)


def test_what_we_conclude_from_it_is_tested_in_its_section_and_counted_apart_from_the_report(tmp_path):
    ours = {"ladder": "up", "says": {"en": "Flips help.", "es": "Los volteos ayudan."}}
    ours["tests"] = [STUDY["claims"][0]["tests"][0] | {"above": 0}]
    page = build_page(tmp_path, CLIMBING | {"claims": [*STUDY["claims"], ours]}).read_text(encoding="utf-8")
    (section,) = re.findall(r'<section id="ladder-up">.*?</section>', page, re.DOTALL)
    shown = text(section)
    assert "Here: Flips bring most." in shown
    assert re.search(r"Flips help\. .*test accuracy , +final − normalised : .*must be > 0 ", shown)
    assert "Es mejor" not in section
    assert "report:" not in shown
    assert re.search("The report's conclusions: 1 .* Our conclusions: 1 ", text(page))


def test_a_step_is_not_joined_to_one_that_is_not_the_step_before_it(tmp_path):
    write_variant(tmp_path, "normalised", 0.4)
    write_variant(tmp_path, "mlp_head", 0.6)
    found = run_report(tmp_path, CLIMBING).read_text(encoding="utf-8")
    assert [row.count('class="way"') for row in rows(found)] == [0, 0]


def test_the_report_has_no_mark_where_it_is_not_comparable(tmp_path):
    page = build_page(tmp_path, CLIMBING, provenance="own").read_text(encoding="utf-8")
    assert len(rows(page)) == 2
    assert 'class="reported"' not in figure(page)


def test_a_ladder_of_which_one_step_has_run_has_a_table_and_no_figure(tmp_path):
    write_variant(tmp_path, "normalised", 0.4)
    page = run_report(tmp_path, CLIMBING).read_text(encoding="utf-8")
    assert 'class="ladder"' not in page
    shown = text(page)
    rest = r"flips final not run 0\.250 – a wider head mlp_head not run – –"
    assert re.search(rf"normalised images normalised 0\.400 \(1 seed\) \[.*?\] – 1\.500 {rest}", shown)


def test_its_section_has_the_steps_and_is_the_home_of_rows_that_the_report_does_not_have(page):
    section = re.search(r'<section id="ladder-up">.*?</section>', page, re.DOTALL)[0]
    shown = text(section)
    assert "From the ground up What does each idea bring? Here: Flips bring most." in shown
    row = r"flips final 0\.510 ± 0\.010 \(3 seeds\) \[0\.\d{3}, 0\.\d{3}\] 0\.550 0\.250 \+0\.110 \[\+"
    assert re.search(row, shown)
    assert re.findall(r'id="variant-(\w+)"', section) == ["normalised", "mlp_head"]  # `final` is in 2.7
    others = page[page.index('id="section-others"') :]
    assert re.findall(r'id="variant-(\w+)"', others) == ["zoom_50"]


def test_a_variant_of_two_ladders_is_at_home_in_the_first(tmp_path):
    two = STUDY | {"ladders": [LADDER, LADDER | {"name": "again", "steps": STEPS[:2]}]}
    page = build_page(tmp_path, two).read_text(encoding="utf-8")
    assert (
        page.index('id="ladder-up"') < page.index('id="variant-normalised"') < page.index('id="ladder-again"')
    )
    assert page.count('id="variant-normalised"') == 1


def test_a_study_of_ones_own_climbs_without_a_word_of_a_report(tmp_path):
    page = build_page(tmp_path, OWN | {"ladders": [LADDER]}, provenance="own").read_text(encoding="utf-8")
    assert len(rows(page)) == 2
    assert "report" not in text(page).lower()


@pytest.mark.parametrize(("spread", "ticks"), [(0.5, 6), (0.0, 4)])
def test_ticks_are_round_numbers_a_few_of_them(tmp_path, spread, ticks):
    write_variant(tmp_path, "normalised", 0.4)
    write_variant(tmp_path, "final", 0.4 + spread)
    results = STUDY["report"] | {"results": {}}
    page = run_report(tmp_path, CLIMBING | {"report": results}).read_text(encoding="utf-8")
    assert figure(page).count("<text") == pytest.approx(ticks, abs=1)
