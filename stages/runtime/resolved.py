"""What `resolve` wrote of one item of a stage: its knobs, and hashes of the code it runs."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.runtime import code
from stages.runtime.errors import InputError


@dataclass(frozen=True)
class Resolved:
    """An item as `resolve` wrote it.

    Attributes:
        knobs: name -> value; those at their neutral value are left out.
        uses: the modules its knobs name, such as stages.networks.base_net.
        code: module -> hash, of the stage's code and that of `uses`.
    """

    knobs: dict[str, Any]
    uses: tuple[str, ...]
    code: dict[str, str]


def text(
    stage: str,
    knobs: dict[str, Any],
    uses: tuple[str, ...] = (),
    hashes: Callable[[tuple[str, ...]], dict[str, str]] = code.hashes,
) -> str:
    """Returns the content of data/resolved/<stage>/<item>.json; equal items are equal texts.

    Args:
        stage: a verb, such as train.
        knobs: name -> value.
        uses: the modules that the knobs name.
        hashes: as `code.hashes`; for many items, pass a function that caches.
    """
    item = {"code": hashes((f"stages.{stage}", *uses)), "knobs": knobs, "uses": sorted(uses)}
    return json.dumps(item, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def write(path: Path, stage: str, knobs: dict[str, Any], uses: tuple[str, ...] = ()) -> None:
    """Writes an item, see `text`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text(stage, knobs, uses), encoding="utf-8")


def read(path: Path, stage: str) -> Resolved:
    """Reads an item and checks that the code is still what `resolve` saw.

    Raises:
        FileNotFoundError: no such file.
        InputError: the code was edited since.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    now = code.hashes([f"stages.{stage}", *content["uses"]])
    if files := code.changed(content["code"], now):
        raise InputError(
            f"{', '.join(files)}: edited after `resolve` wrote {path}; run `dvc repro` again,"
            " or results would be recorded under other code"
        )
    return Resolved(content["knobs"], tuple(content["uses"]), content["code"])
