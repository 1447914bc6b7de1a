"""What the runner must know about our stages: threads, seeds, what to import once, how items differ."""

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from dvc_parallel.errors import UserError
from dvc_parallel.hooks import Hooks
from stages.runtime import code, limits
from stages.runtime.environment import RECORDED
from stages.runtime.errors import InputError

PARAMS, RESOLVED = Path("params.yaml"), "data/resolved/"  # where the knobs of an item are
TRAVELLING = ("KERAS_BACKEND", *RECORDED)  # variables that change results
Json = Mapping[str, Any]


class StudyHooks(Hooks):
    """The study, as `dvc_parallel.hooks` asks for it."""

    checkpoints = ".checkpoints"
    part = "seed"

    def __init__(self) -> None:
        """Takes the backend from the environment."""
        self.preload = "stages.runtime.preload" if os.environ["KERAS_BACKEND"] == "tensorflow" else ""

    @cached_property
    def foreseen(self) -> dict[str, str]:
        """What `resolve` would write, file -> text."""
        from stages.study import items

        try:
            return {f"{RESOLVED}{path}": text for path, text in items.files(items.load(PARAMS)).items()}
        except InputError as error:
            raise UserError(str(error)) from None

    def meta(self, deps: Sequence[str], read: Callable[[str], str | None]) -> dict[str, Any]:
        """Returns the threads and seeds of a training; {} for a stage that does not compute."""
        items = [json.loads(read(dep) or "{}") for dep in deps if dep.startswith(RESOLVED)]
        knobs = items[0].get("knobs", {}) if items else {}
        if "threads" not in knobs:
            return {}
        return {"threads": knobs["threads"], "parts": knobs.get("seeds", 1), "preload": True}

    def parts_done(self, outs: Sequence[Path], since: float) -> int:
        """Returns how many seeds a stage trained, not counting kept ones; 1 if it does not train."""
        runs = [path for out in outs for path in out.glob("seed-*/run.json")]
        return sum(path.stat().st_mtime > since for path in runs) if runs else 1

    def parts_kept(self, reasons: Sequence[str]) -> int:
        """Returns how many seeds are kept: all there were, if only their number changed."""
        former = [re.fullmatch(r"knob seeds: (\d+) -> \d+", reason) for reason in reasons]
        return int(former[0][1]) if len(former) == 1 and former[0] else 0

    def differences(self, path: str, old: str, new: str) -> list[str]:
        """Returns the knobs and the files of code in which two resolved items differ."""
        from stages.study import differences

        was, now = json.loads(old), json.loads(new)
        what = "" if "variants" in now["knobs"] else "knob "  # which `compare` and `report` do not have
        found = [f"{what}{line}" for line in differences.lines(was.get("knobs", {}), now["knobs"])]
        files = code.changed(*_comparable(was, now))
        return [*found, f"code changed: {', '.join(files)}"] if files else found

    def environment(self, cores: int) -> dict[str, str]:
        """Returns the variables of a training on a node that gives it so many cores."""
        return {key: os.environ[key] for key in TRAVELLING if key in os.environ} | {limits.CORES: str(cores)}


def _comparable(old: Json, new: Json) -> tuple[Json, Json]:
    """Returns the code of two items, without modules that only the knobs of one name."""
    if old.get("uses") == new["uses"]:
        return old["code"], new["code"]
    both = old.get("code", {}).keys() & new["code"]
    return {name: old["code"][name] for name in both}, {name: new["code"][name] for name in both}
