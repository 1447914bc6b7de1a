"""Checks the whole workspace, and removes damage on request.

Hashes every output and every object in DVC's cache, asks DVC what is out of date, measures all predictions
again, and looks for what killed processes left. Exit code 0 if nothing is wrong, else 1.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from stages.runtime.errors import InputError, printable, run
from stages.workspace import lockfile, pipeline
from stages.workspace.consistency import contradictions
from stages.workspace.findings import Finding, guarded, places
from stages.workspace.leftovers import leftovers
from stages.workspace.outputs import Workspace, damaged_objects, stale, wrong

EXAMPLE = """example:
  python -m stages.verify --repair; dvc repro

--repair removes only what differs from its recorded hash, and temporary files of processes that were killed.
"""
NAMED = 3  # former stages in a note


def main(argv: list[str] | None = None) -> None:
    """Prints each finding with its remedy, and what --repair removed."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.verify",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--repair", action="store_true", help="remove what is damaged or temporary")
    is_repair = parser.parse_args(argv).repair

    root = Path()
    processes = pipeline.running(root)
    if processes and is_repair:
        raise InputError(f"{processes[0]} is running here; run --repair when it has ended")
    for process in processes:
        print(f"note: {process} is running here, so what it writes is not whole yet")
    n = 0
    # One after the other: DVC answers nothing while its record of processes is damaged.
    for place, check in ((pipeline.RWLOCK, pipeline.broken_rwlock), (Path(lockfile.NAME), _inspect)):
        for finding in list(guarded(place, check(root))):  # all, before the first repair
            n += 1
            print(printable(str(finding)), flush=True)
            if is_repair and finding.repair:
                print(f"  {printable(_repaired(finding.repair))}", flush=True)
    print(f"{n} finding{'s' if n != 1 else ''}")
    sys.exit(1 if n else 0)


def _inspect(root: Path) -> Iterator[Finding]:
    """Looks at contents only where bytes and order are right, so that each fault is reported once."""
    entries = lockfile.read(root / lockfile.NAME)
    dvc = pipeline.ask(root)
    outs = {out.path: out for stage in entries if stage in dvc.stages for out in entries[stage]}
    workspace = Workspace(root, dvc.cache, outs)
    of_bytes = list(wrong(workspace))
    of_order = list(stale(workspace, dvc.changes, places(of_bytes)))
    yield from (*of_bytes, *guarded(dvc.cache, damaged_objects(workspace)), *of_order)
    yield from contradictions(workspace, places([*of_bytes, *of_order]))
    recorded = {out.path for of_stage in entries.values() for out in of_stage}
    made = {path for change in dvc.changes.values() for path in change.outs}
    yield from guarded(Path("."), leftovers(workspace, recorded | made))
    if former := [stage for stage in entries if stage not in dvc.stages]:
        names = f"{', '.join(former[:NAMED])}{', ...' if former[NAMED:] else ''}"
        note = f"note: stages in dvc.lock that dvc.yaml lacks, removed or of another study ({len(former)})"
        print(f"{note}: {names}; they do no harm, and their outputs stay")


def _repaired(repair: Callable[[], str]) -> str:
    try:
        return repair()
    except (OSError, InputError) as error:
        return f"could not be repaired: {error}"


if __name__ == "__main__":
    run(main)
