"""Checks a study and writes data/resolved/<stage>/<item>.json for every item of every stage.

Each file holds the knobs that concern the item, without those at their neutral value, and a hash of each
module that it runs. Stages depend on these files, so that changing a knob or a line of code reruns exactly
the stages it concerns; no other stage reads params.yaml or report.yaml.
"""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.runtime.atomic import replacing
from stages.runtime.errors import OUTPUTS, InputError, run


def main(argv: list[str] | None = None) -> None:
    """Checks a study and writes the resolved items."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.resolve",
        description=__doc__,
        epilog="example: python -m stages.resolve params.yaml report.yaml data/resolved",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("params", type=Path, help="params.yaml")
    parser.add_argument("report", type=Path, help="report.yaml")
    parser.add_argument("out", type=Path, help="folder to write")
    arguments = parser.parse_args(argv)
    from stages.study import items  # it reads files of stages/, whose mistakes need a message

    _refuse_links(arguments.params.parent)
    content = items.load(arguments.params, arguments.report)
    _check_own_images(arguments.params.parent, content["datasets"])
    with replacing(arguments.out) as partial:
        for path, text in items.files(content).items():
            (partial / path).parent.mkdir(parents=True, exist_ok=True)
            (partial / path).write_text(text, encoding="utf-8")
    print(f"resolved {sum(len(content[group]) for group in items.TRAINERS)} variants")


def _refuse_links(root: Path) -> None:
    """Checks that no folder of outputs is a link, which DVC would refuse after the training.

    Raises:
        InputError: names the folder and what to do.
    """
    for folder in OUTPUTS:
        if (root / folder).is_symlink():
            target = (root / folder).readlink()
            raise InputError(
                f"{folder}/ is a link to {target}, but DVC takes no outputs behind links; make it a folder"
                f" and move DVC's cache to the larger disk instead: `dvc cache dir {target}/dvc_cache`"
            )


def _check_own_images(root: Path, datasets: Mapping[str, Any]) -> None:
    """Checks own folders before DVC hashes them, as it names no file that it cannot hash."""
    from stages.datasets import files

    for name in (entry["from"] for entry in datasets.values()):
        if name.startswith("~"):
            files.check(Path(name))
        elif not name.startswith("data/") and os.path.lexists(root / name):
            files.check(root / name)


if __name__ == "__main__":
    run(main)
