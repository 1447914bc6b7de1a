"""No number of README's table of results is typed by hand: it is a part of plots/summary.md."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


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


def test_the_table_of_results_is_a_part_of_the_summary():
    summary, readme = results(ROOT / "plots/summary.md"), results(ROOT / "README.md")
    assert len(readme) >= 6
    for name, cells in readme.items():
        assert cells == {column: summary[name][column] for column in cells}, name


def test_the_ladder_leads_in_the_colours_of_the_readers_page():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    dark, light = re.findall(r' src(?:set)?="(.+?)"', text)
    assert (dark, light) == tuple(f"plots/comparisons/ladder{end}.png" for end in ("_dark", ""))
    assert text.index(light) < text.index("| variant |")
    assert all((ROOT / path).is_file() for path in (dark, light))
