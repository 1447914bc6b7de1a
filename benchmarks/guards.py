"""Removes each guard of docs/threats.yaml in turn and sees its test fail: python -m benchmarks.guards [WORD].

A test that stays green without what it tests proves nothing. The project is copied; in the copy one
snippet of code at a time is replaced, and the row's test runs. With a WORD, only rows that hold it.
`--table` writes docs/threats.md from the rows instead.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML

from stages.demo import copy

ROOT = Path(__file__).parent.parent
ROWS = ROOT / "docs" / "threats.yaml"
TABLE = ROOT / "docs" / "threats.md"
COPIED = (
    ".dvc/config",
    ".dvc/plots",
    ".dvcignore",
    ".gitignore",
    "benchmarks",
    "docs",
    "dvc.yaml",
    "params.yaml",
)
COPIED += ("pyproject.toml", "README.md", "requirements.lock", "stages", "tests")
INTRODUCTION = """\
# What may go wrong, what happens then, and the test of it

Each test was seen to fail without its guard: `uv run --group dev python -m benchmarks.guards` takes the
guards out one by one and runs the tests. The rows stand in [threats.yaml](threats.yaml), from which this page
is written (`python -m benchmarks.guards --table`).
"""


def rows() -> list[dict[str, str]]:
    """Reads the rows: section, threat, guard, test, and the `file` where `remove` becomes `put`."""
    sections = YAML(typ="safe", pure=True).load(ROWS.read_text(encoding="utf-8"))
    return [{"section": section} | row for section, entries in sections.items() for row in entries]


def table(entries: list[dict[str, str]]) -> str:
    """Returns the page: a table for each section."""
    parts = [INTRODUCTION]
    for section in dict.fromkeys(row["section"] for row in entries):
        parts.append(f"\n## {section}\n\n| threat | what we do | test |\n| --- | --- | --- |\n")
        parts += [_line(row) for row in entries if row["section"] == section]
    return "".join(parts)


def _line(row: dict[str, str]) -> str:
    path, _, name = row["test"].partition("::")
    cells = [row["threat"], row["guard"], f"[`{name}`](../{path})"]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def survivors(entries: list[dict[str, str]]) -> Iterator[tuple[dict[str, str], str]]:
    """Takes guards out, one at a time in a copy; yields rows whose test did not fail, and what it said."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        for part in COPIED:
            copy(ROOT / part, project / part)
        for number, row in enumerate(entries, start=1):
            code, said = _without_guard(project, row)
            print(
                f"{number:3}/{len(entries)} {'fails' if code == 1 else 'DOES NOT FAIL'}: {row['test']}",
                flush=True,
            )
            if code != 1:
                yield row, said


def _without_guard(project: Path, row: dict[str, str]) -> tuple[int, str]:
    """Returns pytest's exit code and output with the guard taken out; 1 is that of failed tests."""
    path = project / row["file"]
    source = path.read_text(encoding="utf-8")
    path.write_text(source.replace(row["remove"], row["put"]), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", row["test"]]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    path.write_text(source, encoding="utf-8")
    return done.returncode, done.stdout[-2000:]


def main() -> None:
    """Exit code 1 where a test stayed green."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("word", nargs="?", default="", help="only rows that hold it")
    parser.add_argument("--table", action="store_true", help="write docs/threats.md")
    arguments = parser.parse_args()
    entries = rows()
    if arguments.table:
        TABLE.write_text(table(entries), encoding="utf-8")
        return
    chosen = [row for row in entries if any(arguments.word in value for value in row.values())]
    green = list(survivors(chosen))
    for row, said in green:
        print(f"\n{row['test']} stays green without {row['remove']!r}:\n{said}")
    print(f"{len(chosen)} guards, {len(chosen) - len(green)} tests that fail without theirs")
    sys.exit(bool(green))


if __name__ == "__main__":
    main()
