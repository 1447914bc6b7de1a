"""Fetches the official files of one source, or copies them from a mirror folder.

DATA_MIRROR, if set, overrides `mirror` in params.yaml.
"""

import argparse
import os
from pathlib import Path

from stages.runtime import resolved
from stages.runtime.errors import run

KEPT = Path(".downloads")
EXAMPLE = "example: python -m stages.download data/resolved/download/cifar100.json data/archives/cifar100"


def main(argv: list[str] | None = None) -> None:
    """Makes a folder of the files and their provenance.json."""
    parser = argparse.ArgumentParser(prog="python -m stages.download", description=__doc__, epilog=EXAMPLE)
    parser.add_argument("resolved", type=Path, help="what `resolve` wrote about the source")
    parser.add_argument("out", type=Path, help="the folder to make")
    arguments = parser.parse_args(argv)

    from stages.sources.downloads import fetch

    knobs = resolved.read(arguments.resolved, "download").knobs
    mirror = os.environ.get("DATA_MIRROR", knobs.get("mirror", ""))
    mirror_folder = Path(mirror) if mirror else None
    provenance = fetch(knobs["files"], arguments.out, mirror=mirror_folder, kept=KEPT)
    made = (f"{name} ({entry['kind']}, {entry['bytes']} bytes)" for name, entry in provenance.items())
    print(f"{arguments.out}: {', '.join(made)}")


if __name__ == "__main__":
    run(main)
