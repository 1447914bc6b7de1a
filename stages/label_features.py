"""Copies a dataset's labels and splits for the features of its images, and joins the provenance of both.

Features depend only on the images, so another choice of validation images extracts nothing again.
"""

import argparse
import shutil
from pathlib import Path

from stages.runtime import atomic, resolved
from stages.runtime.errors import run
from stages.sources import provenance

COPIED = ("labels.npy", "split.npy", "class_names.json", "manifest.json")
EXAMPLE = (
    "example: python -m stages.label_features data/resolved/label_features/cub200_resnet50.json data/cub200"
    " data/provenance/cub200.json data/provenance/resnet50.json data/splits/cub200_resnet50"
    " data/provenance/cub200_resnet50.json"
)


def main(argv: list[str] | None = None) -> None:
    """Copies the small files of a prepared dataset; writes the joint provenance."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.label_features", description=__doc__, epilog=EXAMPLE
    )
    parser.add_argument("resolved", type=Path, help="what `resolve` wrote about the features")
    parser.add_argument("dataset", type=Path, help="the folder that `prepare` made")
    parser.add_argument("of_dataset", type=Path, help="provenance of the dataset")
    parser.add_argument("of_backbone", type=Path, help="provenance of the backbone")
    parser.add_argument("out", type=Path, help="the folder to make")
    parser.add_argument("provenance", type=Path, help="the file to write: where the features come from")
    arguments = parser.parse_args(argv)

    resolved.read(arguments.resolved, "label_features")
    dataset, backbone = provenance.read(arguments.of_dataset), provenance.read(arguments.of_backbone)
    with atomic.replacing(arguments.out) as out:
        out.mkdir()
        for name in COPIED:
            shutil.copyfile(arguments.dataset / name, out / name)
    sources = dataset["sources"] | backbone["sources"]
    kind = provenance.write(arguments.provenance, sources, format=dataset["format"])
    print(f"{arguments.out}: labels of {arguments.dataset}, {kind} data")


if __name__ == "__main__":
    run(main)
