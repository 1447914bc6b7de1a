"""Resolves params.yaml: python -m stages.resolve PARAMS VARIANTS_FOLDER CODE_FOLDER.

Writes one JSON per variant, with all its knobs and the fingerprint of the code that trains it, and one
per other stage with the fingerprint of its code. Stages depend on these, so a knob or a line of code
reruns exactly the stages it concerns.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages import code, parameters, variants
from stages.atomic import replacing, write_json
from stages.datasets import cifar100, cub200, downloads, recipes
from stages.errors import run
from stages.parameters import Mistake
from stages.results import contents
from stages.values import check, check_keys, mapping

TRAINERS = {"variants": "stages.train", "heads": "stages.train_head", "fine_tunes": "stages.fine_tune"}
OTHERS = ("download", "prepare", "build_backbone", "cache_features", "evaluate", "compare")
ARCHIVES = {"cifar100": (cifar100.ARCHIVE,), "cub200": (cub200.IMAGES, cub200.LISTS)}
FEATURES = ("threads", "batch_size")
SECTIONS = (
    "mirror",
    "sources",
    "datasets",
    "features",
    "defaults",
    *variants.GROUPS,
    "report",
    "comparisons",
)
NETWORKS = frozenset(f"stages.networks.{name}" for group in variants.ARCHITECTURES.values() for name in group)


def main() -> None:
    """Checks all of params.yaml and writes the resolved variants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("params", type=Path, help="params.yaml")
    parser.add_argument("variants", type=Path, help="folder to write")
    parser.add_argument("code", type=Path, help="folder to write")
    arguments = parser.parse_args()

    content = parameters.load(arguments.params, mistakes)
    resolved = variants.resolve(content)
    root = Path(__file__).parent.parent
    runs = {
        name: (trainer, resolved[name].get("architecture"))
        for group, trainer in TRAINERS.items()
        for name in content.get(group) or {}
    }
    codes = {pair: training_code(*pair, root) for pair in set(runs.values())}
    with replacing(arguments.variants) as partial:
        for name, pair in runs.items():
            write_json(partial / f"{name}.json", resolved[name] | {"code": codes[pair]})
    with replacing(arguments.code) as partial:
        for verb in OTHERS:
            modules = code.closure(f"stages.{verb}", root)
            write_json(partial / f"{verb}.json", code.fingerprint(modules, root))
    print(f"resolved {len(resolved)} variants")


def mistakes(content: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yields every mistake in params.yaml, also in what later stages read of it."""
    yield from check_keys((), content, SECTIONS)
    checks = (downloads.mistakes, _check_archives, recipes.mistakes, _check_features, variants.mistakes)
    for check_section in (*checks, contents.mistakes):
        # of a section that is not there, that is the one mistake
        yield from (mistake for mistake in check_section(content) if mistake.place[0] in content)


def _check_archives(content: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks that a source has the files that `prepare` opens."""
    for source, files in ARCHIVES.items():
        entries = mapping(mapping(content.get("sources")).get(source))
        if entries:
            yield from check_keys(("sources", source), entries, files)


def _check_features(content: Mapping[str, Any]) -> Iterator[Mistake]:
    """Checks what `cache_features` reads."""
    knobs = content.get("features")
    yield from check_keys(("features",), knobs, FEATURES)
    for knob in FEATURES:
        if knob in mapping(knobs):
            yield from check(("features", knob), knobs[knob], variants.KNOBS[knob])


def training_code(trainer: str, architecture: str | None, root: Path) -> str:
    """Returns the fingerprint of what trains a variant, without the networks it does not use.

    Args:
        trainer: the stage's module, such as stages.train.
        architecture: the network it builds; None where it goes on with one it is given.
        root: the folder that holds `stages/`.
    """
    others = NETWORKS - {f"stages.networks.{architecture}"}
    return code.fingerprint(code.closure(trainer, root, without=others), root)


if __name__ == "__main__":
    run(main)
