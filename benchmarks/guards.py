"""Removes guards of docs/threats.yaml, one at a time, and expects their tests to fail.

A test that stays green without what it tests proves nothing. In a copy of the project, a snippet of code is
replaced, the row's test runs, and the snippet is restored.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
ROWS = ROOT / "docs" / "threats.yaml"
Row = dict[str, str]


def rows() -> list[Row]:
    """Reads the rows: section, threat, guard, test, and the `file` in which `remove` becomes `put`."""
    sections = YAML(typ="safe", pure=True).load(ROWS.read_text(encoding="utf-8"))
    return [{"section": section} | row for section, entries in sections.items() for row in entries]


def copy_project(target: Path) -> None:
    """Copies what Git tracks or would track, as it is in the working tree."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def stays_green(project: Path, row: Row) -> str | None:
    """Returns what pytest said where the test does not fail without its guard, or does not run at all."""
    path = project / row["file"]
    source = path.read_text(encoding="utf-8")
    path.write_text(source.replace(row["remove"], row["put"]), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", row["test"]]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    path.write_text(source, encoding="utf-8")
    return None if done.returncode == 1 else done.stdout[-2000:]  # 1: tests ran and failed


def main(argv: list[str] | None = None) -> None:
    """Exit code 1 where a test stayed green."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.guards",
        description=__doc__,
        epilog="example: python -m benchmarks.guards --random 5",
    )
    parser.add_argument("word", nargs="?", default="", help="only rows that contain it")
    parser.add_argument("--random", type=int, metavar="N", help="only so many, drawn at random")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the draw")
    arguments = parser.parse_args(argv)
    entries = [row for row in rows() if any(arguments.word in value for value in row.values())]
    if arguments.random:
        entries = random.Random(arguments.seed).sample(entries, min(arguments.random, len(entries)))
        print(f"seed {arguments.seed}")
    n_green = 0
    with tempfile.TemporaryDirectory() as folder:
        copy_project(Path(folder))
        for number, row in enumerate(entries, start=1):
            said = stays_green(Path(folder), row)
            verdict = "fails" if said is None else "DOES NOT FAIL"
            print(f"{number:2}/{len(entries)} {verdict} without its guard: {row['test']}", flush=True)
            if said is not None:
                n_green += 1
                print(f"in {row['file']}, {row['remove']!r} became {row['put']!r}:\n{said}", flush=True)
    print(f"{len(entries)} guards removed, {len(entries) - n_green} tests failed")
    sys.exit(bool(n_green))


if __name__ == "__main__":
    main()
