"""What would run and why, without running it: a project whose stages know what others will leave for them.

Known in advance are the files that the project's hooks foresee, and the outputs that DVC's cache has already.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from dvc_parallel import internals
from dvc_parallel.hooks import Hooks
from dvc_parallel.internals import Entry, Output, ParamsDependency, Stage
from dvc_parallel.project import Project

NAMED = 3  # stages that a line names
STATES = {  # of outputs, as DVC calls them
    "deleted": "is missing",
    "modified": "was edited",
    "not in cache": "is not in the cache",
    "new": "is not recorded",
}


class Affected(NamedTuple):
    """A stage that may run."""

    name: str
    reasons: list[str]  # such as "input data/cifar100 changed"; the last may be what it follows
    is_restored: bool  # as DVC's cache has its result: nothing is computed
    parts: int = 1  # of equal cost that it has to do


class Prospect(Project):
    """The project of the current folder, to look at."""

    def __init__(self, targets: Sequence[str] = (), hooks: Hooks | None = None) -> None:
        """Reads dvc.yaml; see `Project`."""
        super().__init__(targets, hooks)
        self._makers: dict[str, str] = {}  # output -> stage, of the affected ones
        self._makers_below = defaultdict[str, set[str]](set)  # folder -> those with an output in there
        # Path -> MD5, if it is known what will be there once these have run
        self._later = {p: hashlib.md5(text.encode()).hexdigest() for p, text in self.hooks.foreseen.items()}

    def affected(self) -> Iterator[Affected]:
        """Yields the stages that would or may run, in the order of the plan."""
        yield from filter(None, map(self._affected, self.plan))

    def _affected(self, name: str) -> Affected | None:
        stage = self._stages[name]
        deps = [] if stage.frozen else stage.deps
        params = [dep for dep in deps if isinstance(dep, ParamsDependency) or dep.protocol != "local"]
        inputs = [dep for dep in deps if dep not in params]
        makers = {str(dep): self._unknown_makers(str(dep)) for dep in inputs}
        now = {str(dep): self._hash(dep) for dep in inputs if not makers[str(dep)]}
        follows = sorted(set().union(*makers.values()), key=self.plan.index)
        reasons = list(self._reasons(stage, now, params))
        if not reasons and not follows:
            return None
        result = None if follows or params else self._result(stage, now)
        self._foresee(stage, result)
        parts = self.meta(name).get("parts", 1) - (0 if follows else self.hooks.parts_kept(reasons))
        if follows:
            more = f" and {len(follows) - NAMED} more" if follows[NAMED:] else ""
            reasons.append(f"follows {', '.join(follows[:NAMED])}{more}")
        return Affected(name, reasons, result is not None, max(0, parts))

    def _text(self, path: str) -> str | None:
        return self.hooks.foreseen.get(path, super()._text(path))

    def _unknown_makers(self, path: str) -> set[str]:
        """Returns the stages that will make an input of which nothing is known yet."""
        around = [path, *_folders(path)]
        if any(place in self._later for place in around):
            return set()
        return {self._makers[place] for place in around if place in self._makers} | self._makers_below[path]

    def _hash(self, dep: Output) -> str | None:
        """Returns the MD5 of an input when its stage starts; None where there will be no such file."""
        path = str(dep)
        if path in self._later:
            return self._later[path]
        if out := next(filter(self._later.__contains__, _folders(path)), None):
            return self._member(self._later[out], path, out)
        if not dep.exists:
            return None
        return dep.get_hash().value if self._has_changed(dep) else dep.hash_info.value

    def _reasons(
        self, stage: Stage, now: Mapping[str, str | None], params: Sequence[Output]
    ) -> Iterator[str]:
        if stage.is_callback or stage.always_changed:
            yield "runs always"
        elif not any(item.hash_info for item in (*stage.deps, *stage.outs)):
            yield "has never run"
            return
        if stage.changed_stage():
            yield "its command changed"
        was = _recorded(stage)
        for path, md5 in now.items():
            if md5 == was.get(path):
                continue
            if path in self.hooks.foreseen and path in was:
                yield from self._text_reasons(path, was[path])
            elif md5 is None:
                yield f"input {path} is missing"
            else:
                yield f"input {path} {'changed' if path in was else 'is new'}"
        for dep in params:
            yield from _param_reasons(dep)
        for out in filter(self._has_changed, stage.outs):
            for state in out.status().values():
                yield f"output {out} {STATES[state] if out.exists else 'is missing'}"

    def _text_reasons(self, path: str, was: str) -> Iterator[str]:
        """Yields how a foreseen file differs from that which its stage ran with."""
        former = self._cached(was)
        if former is None:
            yield f"{path} changed (its former content is not in the cache)"
        else:
            yield from self.hooks.differences(path, former, self.hooks.foreseen[path])

    def _result(self, stage: Stage, now: Mapping[str, str | None]) -> dict[str, str] | None:
        """Returns output -> MD5 if DVC would take them from its cache; None if the stage has to compute.

        It is what `StageCache.restore` (dvc/stage/cache.py) looks for, with inputs that are not there yet.
        """
        if not (stage.cmd and now and stage.outs) or None in now.values():
            return None
        if any(out.persist for out in stage.outs):
            return None
        if stage.changed_stage() or now != _recorded(stage) or not all(out.hash_info for out in stage.outs):
            run = self._run(stage, now)
        else:
            run = internals.to_single_stage_lockfile(stage)
        if not run or not internals.are_cached(stage, run):
            return None
        hashes = {out["path"]: out["md5"] for out in run["outs"]}
        return {str(out): hashes[out.def_path] for out in stage.outs}

    def _run(self, stage: Stage, now: Mapping[str, str]) -> Entry | None:
        """Returns the newest run with these inputs (path -> MD5) in the run cache."""
        for dep in stage.deps:
            internals.set_hash(dep, now[str(dep)])
        folder = Path(internals.run_folder(stage, internals.run_key(stage)))
        newest = max(folder.glob("*"), key=lambda path: path.stat().st_mtime, default=None)
        with suppress(internals.YAMLFileCorruptedError):
            return newest and internals.parse_yaml(newest.read_text(encoding="utf-8"), newest)
        return None

    def _foresee(self, stage: Stage, result: Mapping[str, str] | None) -> None:
        """Notes what an affected stage will leave."""
        for out in stage.outs:
            path = str(out)
            md5 = result[path] if result else None
            if md5 and out.exists and out.get_hash().value == md5:
                continue
            self._makers[path] = stage.addressing
            for folder in _folders(path):
                self._makers_below[folder].add(stage.addressing)
            if md5:
                self._later[path] = md5

    def _member(self, folder: str, path: str, out: str) -> str | None:
        """Returns the MD5 of a file in a folder of the cache; None if it is not in there."""
        listed = json.loads(self._cached(folder) or "[]") if folder.endswith(".dir") else []
        name = PurePosixPath(path).relative_to(out).as_posix()
        return next((file["md5"] for file in listed if file["relpath"] == name), None)

    def _cached(self, md5: str) -> str | None:
        """Returns the text that DVC's cache has under a hash; None if it has none."""
        path = Path(self._repo.cache.local.oid_to_path(md5))
        return path.read_text(encoding="utf-8") if path.is_file() else None


def _recorded(stage: Stage) -> dict[str, str]:
    """Returns input -> MD5 as dvc.lock has them."""
    return {str(dep): dep.hash_info.value for dep in stage.deps if dep.hash_info}


def _param_reasons(dep: Output) -> Iterator[str]:
    """Yields how params differ from those that their stage ran with, or that another input has changed."""
    changed = dep.status().get(str(dep), {})
    if not isinstance(dep, ParamsDependency) or isinstance(changed, str):
        yield from [f"input {dep} changed"] if changed else []
        return
    was, now = dep.hash_info.value or {}, dep.read_params()
    for key in changed:
        yield f"param {key}: {was.get(key, 'not set')} -> {now.get(key, 'not set')}"


def _folders(path: str) -> list[str]:
    """Returns the folders that a path is in, the innermost first."""
    return [folder.as_posix() for folder in PurePosixPath(path).parents]
