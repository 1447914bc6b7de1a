"""Checks the whole workspace: python -m stages.verify [--repair].

Hashes every output and every object in DVC's cache, compares outputs with what they were made from and
contents with each other, measures all predictions again, and looks for leftovers and stale locks. Exit
code 0 where nothing is wrong, else 1.
"""

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from stages.errors import InputError, run
from stages.inspection import lockfile
from stages.inspection.contradictions import contradictions
from stages.inspection.findings import Finding
from stages.inspection.leftovers import leftovers
from stages.inspection.outputs import stale, wrong
from stages.inspection.workspaces import RWLOCK, opened, running


def main() -> None:
    """Prints each finding with its remedy; with --repair, removes what DVC then makes or fetches again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--repair", action="store_true", help="remove what is wrong; `dvc repro` makes it again"
    )
    is_repair = parser.parse_args().repair

    root = Path()
    processes = running(root)
    if is_repair and processes:
        number, command = processes[0]
        raise InputError(f"process {number} runs `{command}` here; repair when it has ended")
    entries = lockfile.read(root / "dvc.lock")
    found = [*_running(processes), *(_cut_off(root) if entries is None else _inspect(root, entries))]
    for finding in found:
        print(finding, flush=True)
        if is_repair and finding.repair:
            finding.repair()
    healed = ", removed what can be made again: now `dvc repro`" if is_repair and found else ""
    print(f"{len(entries or ())} stages, {len(found)} findings{healed}")
    sys.exit(1 if found else 0)


def _inspect(root: Path, entries: dict[str, Any]) -> Iterator[Finding]:
    """Looks into contents only where bytes and order are right, so that one fault is told once."""
    workspace = opened(root, entries)
    of_bytes = list(wrong(workspace))
    of_order = list(stale(workspace, [finding.place for finding in of_bytes if finding.stage]))
    yield from (*of_bytes, *of_order)
    stages = ({finding.stage for finding in found} for found in (of_bytes, of_order))
    yield from contradictions(workspace, *stages)
    yield from leftovers(workspace)


def _running(processes: list[tuple[int, str]]) -> Iterator[Finding]:
    for number, command in processes:
        problem = f"says that process {number} runs `{command}` here, so what it writes is not whole yet"
        remedy = "verify again when it has ended; if that is another program, remove the file"
        yield Finding(RWLOCK, problem, remedy)


def _cut_off(root: Path) -> Iterator[Finding]:
    problem = "is not whole, as DVC leaves it when it is killed while it writes it"
    remedy = "`git checkout dvc.lock`, or --repair keeps the entries before the break"
    repair = partial(lockfile.keep_whole_entries, root / "dvc.lock")
    yield Finding(Path("dvc.lock"), problem, remedy, repair=repair)


if __name__ == "__main__":
    run(main)
