"""The page in a real browser without a network: hovering, toggling, keys, languages, printing, accessibility.

It needs Chromium, and axe-core for the accessibility: `npm ci --prefix tests/browser`.
"""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_study import build_page, write_variant
from test_ladder import CLIMBING

FOLDER = Path(__file__).parent / "browser"
STUDYS_PAGE = Path(__file__).parent.parent / "plots" / "report.html"
WINDOWS = [(390, "es"), (768, "en"), (1920, "es")]
A4 = 703  # pixels between its margins
AXE = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = (
    *("--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--virtual-time-budget=60000"),
    # neither names nor addresses lead anywhere
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9"),
)

pytestmark = pytest.mark.claimed("browser")


# A window is never narrower than 500 pixels, a frame can be.
FRAME = """<!doctype html><script>onmessage = event => {
  const seen = document.createElement("pre");
  seen.id = "seen"; seen.textContent = event.data; document.body.append(seen);
}</script><iframe src="page.html?%s" style="width: %dpx; height: 900px; border: 0"></iframe>"""


def browse(folder: Path, url: str, *options: str, size: str = "1400,1000") -> str:
    """Opens a page in a window; returns it as it then is."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    where = [f"--window-size={size}", f"--user-data-dir={folder}/profile", url]
    command = [CHROMIUM, *OPTIONS, *options, *sandbox, *where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def visit(folder: Path, page: str, width: int, query: str, *more: Path) -> SimpleNamespace:
    """Uses the page, `width` pixels wide, with the probe and `more` scripts; returns what the probe saw."""
    scripts = [path.read_text(encoding="utf-8") for path in (FOLDER / "probe.js", *more)]
    inserted = "".join(f"<script>{script}</script>" for script in scripts)
    (folder / "page.html").write_text(page.replace("<head>", f"<head>{inserted}"), "utf-8")
    (folder / "frame.html").write_text(FRAME % (query, width), "utf-8")
    shown = browse(folder, (folder / "frame.html").as_uri(), "--dump-dom")
    found = re.search(r'<pre id="seen">(.*?)</pre>', shown, re.DOTALL)
    assert found, "the page stopped on its way"
    return SimpleNamespace(**json.loads(html.unescape(found[1])))


@pytest.fixture(scope="module", params=[(1280, "en"), (390, "es")], ids=["wide, English", "phone, Spanish"])
def seen(request, tmp_path_factory):
    """What a visit shows in a wide window and in one as narrow as a phone."""
    width, language = request.param
    folder = tmp_path_factory.mktemp("page")
    write_variant(folder, "final", seeds=3)
    result = visit(
        folder,
        build_page(folder, CLIMBING).read_text(encoding="utf-8"),
        width,
        f"lang={language}&theme=light",
        *([AXE] if AXE.exists() else []),
    )
    assert result.language == language
    return result


def test_nothing_is_loaded_and_nothing_fails(seen):
    assert (seen.loaded, seen.refused) == ([], [])


def test_it_fits_the_window_and_no_table_is_cut(seen):
    assert seen.width in (390, 1280)
    assert (seen.tooWide, seen.cut) == (0, [])


def test_narrow_windows_show_names_and_numbers_first_and_cards_with_their_headings(seen):
    if seen.width == 390:
        assert seen.shown == ["Variante", "Exactitud", "Diferencia"]
        assert seen.card[0] == "Exactitud [95\N{NO-BREAK SPACE}%]"
    else:
        assert len(seen.shown) == 10
        assert set(seen.card) == {""}


def test_the_reports_figure_has_a_name_at_its_line_a_place_in_the_tooltip_and_a_switch(seen):
    report, value = ("informe", "0,250") if seen.width == 390 else ("report", "0.250")
    assert seen.levels == [f"{report} {value}"]
    assert f"final, {report}\n{value}" in seen.report
    assert (seen.levelsAfterToggle, seen.curvesAfterReport) == (0, 2)


def test_a_heading_sorts_the_leaderboard_with_empty_cells_last(seen):
    assert seen.order == ["normalised", "final", "zoom_50", "mlp_head"]
    assert seen.byAccuracy == ["final", "normalised", "zoom_50", "mlp_head"]
    assert seen.sorted == "descending"


def test_hovering_reads_every_curve_at_an_epoch(seen):
    lines = seen.readout.splitlines()
    assert re.fullmatch("(epoch|época) 5", lines[0])
    assert len(lines) >= 3
    assert all(re.search(r"\d[.,]\d{3}$", line) for line in lines[2::2])


def test_the_legend_switches_curves_off_and_on(seen):
    assert (seen.curves, seen.curvesAfterToggle, seen.curvesAfterTwo) == (2, 1, 2)


def test_several_seeds_are_a_band_around_their_curve(seen):
    assert seen.bands == 1, "of the two curves, that of the variant with three seeds"


def test_keys_move_the_cursor_and_a_button_shows_the_later_half(seen):
    assert seen.last.startswith(("epoch 8: ", "época 8: "))
    assert seen.now == ["1", "7", "8"]
    assert seen.later == ["5", "8"]
    assert seen.whole == ["1", "8"]


def test_a_link_opens_its_variant_and_draws_what_is_in_it(seen):
    assert (seen.opened, seen.drawn) == (True, 4)
    assert seen.cells == 1 + 4, "the frame, and a square for each pair of classes with images"


def test_one_button_changes_all_words(seen):
    other = seen.other
    titles = {"en": ("The report and its reproduction", "Validation loss per epoch"),
              "es": ("El informe y su reproducción", "Pérdida en validación por época")}  # fmt: skip
    assert other["language"] != seen.language
    assert (other["heading"], other["chart"]) == titles[other["language"]]
    assert other["title"] == other["heading"]
    assert other["english"] == (other["language"] == "en")


def test_the_steps_of_a_ladder_are_drawn_below_one_another_as_wide_as_the_window_allows(seen):
    boxes = seen.steps
    assert len(boxes) == 2
    assert boxes[0]["bottom"] <= boxes[1]["top"] + 1
    assert all(12 <= box["height"] <= 40 for box in boxes)
    assert all(box["width"] > 300 for box in boxes)


def printed(folder: Path, page: Path, query: str) -> bytes:
    """Returns the page as a PDF."""
    pdf = folder / "printed.pdf"
    browse(folder, f"{page.as_uri()}?{query}", f"--print-to-pdf={pdf}", "--no-pdf-header-footer")
    return pdf.read_bytes()


def test_paper_is_light_whatever_the_screen_is(tmp_path):
    page = build_page(tmp_path, CLIMBING)
    light, dark = (len(printed(tmp_path, page, f"lang=en&theme={theme}")) for theme in ("light", "dark"))
    assert light == dark


@pytest.mark.parametrize(("width", "language"), WINDOWS)
def test_the_page_of_the_study_fits_every_window_and_cuts_no_table(tmp_path, width, language):
    seen = visit(tmp_path, STUDYS_PAGE.read_text(encoding="utf-8"), width, f"lang={language}")
    assert (seen.width, seen.tooWide, seen.cut) == (width, 0, [])


def test_the_page_of_the_study_is_printed_whole_on_at_most_30_sheets(tmp_path):
    assert 5 < printed(tmp_path, STUDYS_PAGE, "lang=en&theme=dark").count(b"/Type /Page\n") <= 30
    on_paper = STUDYS_PAGE.read_text(encoding="utf-8")
    on_paper = on_paper.replace("@media print", "@media all").replace("@media screen", "@media not all")
    seen = visit(tmp_path, on_paper, A4, "lang=es")
    assert (seen.width, seen.tooWide, seen.cut) == (A4, 0, [])


@pytest.mark.claimed("axe")
def test_axe_finds_nothing_to_complain_about_in_either_language_or_theme(seen):
    assert seen.rules > 15
    assert seen.accessibility == []
