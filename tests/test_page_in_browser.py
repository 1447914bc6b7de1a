"""The page in a real browser without a network: hovering, toggling, zooming, keys, languages, accessibility.

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
AXE = FOLDER / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = (
    *("--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--virtual-time-budget=60000", "--dump-dom"),
    # neither names nor addresses lead anywhere
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9"),
)

pytestmark = pytest.mark.claimed("browser")


def visit(folder: Path, page: str, width: int, query: str) -> SimpleNamespace:
    """Uses the page in a window of `width` pixels; returns what the probe saw."""
    probe = (FOLDER / "probe.js").read_text(encoding="utf-8")
    axe = AXE.read_text(encoding="utf-8") if AXE.exists() else ""
    path = folder / f"page_{width}.html"
    path.write_text(page.replace("<head>", f"<head><script>{axe}</script><script>{probe}</script>"), "utf-8")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    command = [
        CHROMIUM,
        *OPTIONS,
        *sandbox,
        f"--window-size={width},900",
        f"--user-data-dir={folder}/profile",
    ]
    done = subprocess.run([*command, f"{path.as_uri()}?{query}"], capture_output=True, text=True, timeout=300)
    found = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, f"the page stopped on its way: {done.stderr[-2000:]}"
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
    )
    assert result.language == language
    return result


def test_nothing_is_loaded_and_nothing_fails(seen):
    assert (seen.loaded, seen.refused) == ([], [])


def test_it_fits_the_window(seen):
    assert seen.tooWide <= 0


def test_a_heading_sorts_the_leaderboard_with_empty_cells_last(seen):
    assert seen.order == ["normalised", "final", "zoom_50", "mlp_head"]
    assert seen.byAccuracy == ["final", "normalised", "zoom_50", "mlp_head"]
    assert seen.sorted == "descending"


def test_hovering_reads_every_curve_at_an_epoch(seen):
    lines = seen.readout.splitlines()
    assert re.fullmatch("(epoch|época) 5", lines[0])
    assert len(lines) >= 3
    assert all(re.search(r"0[.,]\d{3}$", line) for line in lines[2::2])


def test_the_legend_switches_curves_off_and_on(seen):
    assert (seen.curves, seen.curvesAfterToggle, seen.curvesAfterTwo) == (2, 1, 2)


def test_several_seeds_are_a_band_around_their_curve(seen):
    assert seen.bands == 1, "of the two curves, that of the variant with three seeds"


def test_keys_move_the_cursor_and_zoom(seen):
    assert seen.last.startswith(("epoch 8: ", "época 8: "))
    assert seen.now == ["1", "7", "8"]
    assert seen.zoomed == ["4", "8"]
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


@pytest.mark.claimed("axe")
def test_axe_finds_nothing_to_complain_about_in_either_language_or_theme(seen):
    assert seen.rules > 15
    assert seen.accessibility == []
