"""Makes arrays of the archives of one data set.

python -m stages.prepare cifar100 data/archives/cifar100 data/cifar100
"""

import argparse
from pathlib import Path
from typing import Any

from stages import atomic, parameters
from stages.datasets import cifar100, cub200
from stages.datasets.arrays import pack, read_sources
from stages.datasets.recipes import mistakes, recipe
from stages.errors import run


def main() -> None:
    """Reads `datasets` of params.yaml; writes images, labels, split, class names and a manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", choices=["cifar100", "cub200"], help="a key of `datasets` in params.yaml")
    parser.add_argument("archives", type=Path, help="the folder that download made")
    parser.add_argument("out", type=Path, help="the folder to make")
    arguments = parser.parse_args()

    dataset = arguments.dataset
    params = parameters.load(Path("params.yaml"), lambda content: mistakes(content, [dataset]))
    wanted = recipe(dataset, params)
    sources = read_sources(arguments.archives)
    choice = {"classes": wanted.classes, "image_size": wanted.image_size}
    with atomic.replacing(arguments.out) as out:
        out.mkdir()
        scratch = out / "scratch.npy"
        match dataset:
            case "cifar100":
                examples = cifar100.read(arguments.archives, **choice)
            case "cub200":
                examples = cub200.read(arguments.archives, **choice, scratch=scratch)
        manifest = pack(
            examples,
            out,
            dataset=dataset,
            sources=sources,
            share=wanted.validation_share,
            seed=wanted.split_seed,
        )
        scratch.unlink(missing_ok=True)
    print(f"{arguments.out}: {_summary(manifest)}")


def _summary(manifest: dict[str, Any]) -> str:
    counts, twins, size = manifest["counts"], manifest["duplicates"], manifest["image_size"]
    return (
        f"{counts['train']} train, {counts['validation']} validation, {counts['test']} test images of"
        f" {counts['classes']} classes, {size} x {size}; duplicates: {twins['within_pool']} within train,"
        f" {twins['pool_and_test']} of test kept out of train, {twins['within_test']} within test;"
        f" {manifest['provenance']} data"
    )


if __name__ == "__main__":
    run(main)
