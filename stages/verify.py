"""Checks the whole workspace: python -m stages.verify [--repair].

Hashes every output and its object in DVC's cache, looks for leftovers and stale locks, and measures all
predictions again. Exit code 0 where nothing is wrong, else 1.
"""

import argparse
import shutil
import sys
from pathlib import Path

from stages import parameters, variants
from stages.errors import InputError, run
from stages.inspection import Finding, leftovers, wrong_metrics, wrong_outputs


def main() -> None:
    """Prints each finding with its remedy; with --repair, removes what DVC then makes or fetches again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--repair", action="store_true", help="remove what is wrong; `dvc repro` makes it again"
    )
    is_repair = parser.parse_args().repair

    root = Path()
    if not (root / "dvc.lock").exists():
        raise InputError("no dvc.lock; run the command in the study's folder, after a first `dvc repro`")
    names = variants.names(parameters.load(root / "params.yaml"))
    lock = parameters.load(root / "dvc.lock")
    found = [*wrong_outputs(root, lock), *leftovers(root, names), *wrong_metrics(root, names)]
    for finding in found:
        print(f"{finding.place} {finding.problem}; {finding.remedy}")
        if is_repair:
            _remove(finding)
    healed = ", removed what can be made again: now `dvc repro`" if is_repair and found else ""
    print(f"{len(lock['stages'])} stages, {len(found)} findings{healed}")
    sys.exit(1 if found else 0)


def _remove(finding: Finding) -> None:
    for path in finding.remove:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    run(main)
