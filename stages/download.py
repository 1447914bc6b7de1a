"""Fetches the official files of one source, or takes them from a mirror folder.

python -m stages.download cifar100 data/archives/cifar100
"""

import argparse
import os
from pathlib import Path

from stages import parameters
from stages.datasets.downloads import fetch, mistakes, source_files
from stages.errors import run

KEPT = Path(".downloads")


def main() -> None:
    """Reads `sources` and `mirror` of params.yaml; DATA_MIRROR, where set, takes the place of `mirror`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="a key of `sources` in params.yaml")
    parser.add_argument("out", type=Path, help="the folder to make")
    arguments = parser.parse_args()

    source = arguments.source
    params = parameters.load(Path("params.yaml"), lambda content: mistakes(content, [source]))
    mirror = os.environ.get("DATA_MIRROR", params.get("mirror", ""))
    files = source_files(source, params)
    provenance = fetch(files, arguments.out, mirror=Path(mirror) if mirror else None, kept=KEPT)
    made = ", ".join(
        f"{name} ({entry['kind']}, {entry['bytes']} bytes)" for name, entry in provenance.items()
    )
    print(f"{arguments.out}: {made}")


if __name__ == "__main__":
    run(main)
