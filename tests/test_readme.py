"""No result in README and docs is typed by hand: tables are parts of plots/summary.md, texts have none."""

import re
from pathlib import Path

import pytest

from stages.study import reading

ROOT = Path(__file__).parent.parent
SUMMARY = ROOT / "plots/summary.md"
GENERATED = {"augmented-validation.md", "costs.md", "speed.md", "scale.md", "tuning.md"}  # by benchmarks
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in GENERATED),
]
OTHER_NUMBERS = {"0.01", "0.02", "0.05"}  # a learning rate, two margins


def tables(path):
    """Yields each table of a Markdown file: its header and its rows, as lists of cells."""
    rows = []
    for line in [*path.read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("| ").split(" | ")])
        elif rows:
            header, _, *others = rows
            yield header, others
            rows = []


def results(path):
    """Returns the rows of a file's tables of variants: name -> {column: cell}."""
    found = {}
    for header, rows in tables(path):
        if header[0] == "variant":
            for row in rows:
                found[row[0]] = dict(zip(header, row, strict=True)) | found.get(row[0], {})
    return found


def test_the_ladder_leads_in_the_colours_of_the_readers_page():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    dark, light = re.findall(r' src(?:set)?="(.+?)"', text)
    assert (dark, light) == tuple(f"plots/comparisons/ladder{end}.png" for end in ("_dark", ""))
    assert text.index(light) < text.index("| variant |")
    assert all((ROOT / path).is_file() for path in (dark, light))


@pytest.mark.parametrize(("page", "least"), [("README.md", 6), ("docs/results.md", 6)])
def test_tables_of_variants_are_parts_of_the_summary(page, least):
    summary, shown = results(SUMMARY), results(ROOT / page)
    assert len(shown) >= least
    for name, cells in shown.items():
        common = cells.keys() & summary[name].keys()
        assert len(common) >= 2, f"{name}: no column of the summary"
        assert {key: cells[key] for key in common} == {key: summary[name][key] for key in common}, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_else_has_an_accuracy_or_a_difference(page):
    text = page.read_text(encoding="utf-8")
    if page.name == "README.md":
        text = re.sub(r"^\| `\w+` \|.*$", "", text, flags=re.MULTILINE)  # which the test before compares
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"(?<![\d.])[01]?\.\d{2,4}(?![\d.])", text)) <= OTHER_NUMBERS


def test_rows_that_differ_from_the_report_are_all_explained():
    differing = {
        name for name, row in results(SUMMARY).items() if re.match("better|worse", row.get("verdict", ""))
    }
    assert differing == set(results(ROOT / "docs/results.md")), "docs/results.md says why, row by row"


def test_readme_counts_the_rows_of_the_report():
    rows = len(reading.load(ROOT / "report.yaml").content["results"])
    counts = re.findall(r"(\d+) (?:networks|variants)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert counts == [str(rows)] * 2
