"""Makes the arrays of a dataset: reads its format, sorts by content, draws the validation images.

The manifest of the arrays depends only on them; their provenance is a file of its own.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from stages.datasets import balance, files, packing
from stages.datasets.prepared import LEFT_OUT
from stages.runtime import atomic, modules, resolved
from stages.runtime.errors import InputError, run

EXAMPLE = (
    "example: python -m stages.prepare data/resolved/prepare/cifar100.json data/cifar100"
    " data/images/cifar100 data/provenance/cifar100.json"
)


def main(argv: list[str] | None = None) -> None:
    """Writes images, labels, split, class names and a manifest; and the provenance."""
    parser = argparse.ArgumentParser(prog="python -m stages.prepare", description=__doc__, epilog=EXAMPLE)
    parser.add_argument("resolved", type=Path, help="what `resolve` wrote about the dataset")
    parser.add_argument("out", type=Path, help="the folder to make")
    parser.add_argument("sizes", type=Path, help="the folder to make of the images in further sizes")
    parser.add_argument("provenance", type=Path, help="the file to write: where the data come from")
    arguments = parser.parse_args(argv)

    from stages.sources import provenance

    knobs = resolved.read(arguments.resolved, "prepare").knobs
    source = Path(knobs["from"])
    files.check(source)
    before, sources = files.state(source), provenance.sources_of(source)
    with atomic.replacing(arguments.out) as out, atomic.replacing(arguments.sizes) as sizes:
        out.mkdir()
        sizes.mkdir()
        manifest = _pack(source, out, sizes, knobs)
        if files.state(source) != before:
            raise InputError(f"{source} changed while it was being read; run again")
    kind = provenance.write(arguments.provenance, sources, format=knobs["format"])
    print(f"{arguments.out}: {_summary(manifest)}; {kind} data")
    if said := _balance(arguments.out):
        print(said)


def _pack(source: Path, out: Path, sizes_folder: Path, knobs: dict[str, Any]) -> dict[str, Any]:
    """Reads the dataset and writes it; returns its manifest."""
    read = modules.find("datasets", knobs["format"]).read
    scratch = out / "scratch"
    scratch.mkdir()
    manifest = packing.pack(
        out,
        read(source, **modules.accepted(read, knobs | {"scratch": scratch})),
        share=knobs["validation_share"],
        seed=knobs.get("split_seed", 0),
        resize=knobs.get("resize", "squash"),
        sizes=knobs.get("sizes", ()),
        sizes_folder=sizes_folder,
    )
    shutil.rmtree(scratch)
    return manifest


def _balance(out: Path) -> str:
    """Returns what to say of the sizes of the classes."""
    names = json.loads((out / "class_names.json").read_text(encoding="utf-8"))
    labels, split = (np.load(out / f"{name}.npy") for name in ("labels", "split"))
    return balance.remark(names, np.bincount(labels[split != LEFT_OUT], minlength=len(names)))


def _summary(manifest: dict[str, Any]) -> str:
    counts, duplicates, size = manifest["counts"], manifest["duplicates"], manifest["image_size"]
    return (
        f"{counts['train']} train, {counts['validation']} validation, {counts['test']} test images of"
        f" {counts['classes']} classes, {size} x {size}; duplicates: {duplicates['within_pool']} within train"
        f" and validation, {duplicates['within_test']} within test; {counts['left_out']} left out, as they"
        " are also in test"
    )


if __name__ == "__main__":
    run(main)
