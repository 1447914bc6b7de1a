"""What DVC knows: the plan, which stages are stale, how a result is recorded. The caller runs the commands.

`begin` and `finish` are what DVC's own `Stage.reproduce` (dvc/stage/__init__.py and run.py, 3.67) does before
and after the command, call by call. So cache, run cache and dvc.lock become those of `dvc repro`, and
a `dvc repro` that runs at the same time finds the locks that it expects.
"""

import difflib
import itertools
import json
import logging
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from dvc_parallel import files, internals
from dvc_parallel.entries import ORDER, Entries, Order
from dvc_parallel.errors import UserError
from dvc_parallel.hooks import Hooks
from dvc_parallel.internals import DvcException, LockError, Output, PipelineStage, Stage

NUMBERS = {"threads", "memory_gb", "seconds", "parts"}


class Command(NamedTuple):
    """A line of a stage's `cmd`, and how DVC starts it."""

    text: str
    argv: list[str]
    folder: str
    environment: dict[str, str]


class Project:
    """The DVC project of the current folder, whose root becomes the current folder.

    Attributes:
        plan: names of the stages that `dvc repro` would look at, in its order.
        upstream: stage -> those that must be done before it.
        hooks: what the project says of its stages beyond `meta`.
    """

    _pulls = False  # whether results that only a remote has are taken from there

    def __init__(self, targets: Sequence[str] = (), hooks: Hooks | None = None) -> None:
        """Reads dvc.yaml.

        Args:
            targets: stages, as `dvc repro` takes them; all of dvc.yaml where there are none.
            hooks: what the project says of its stages.

        Raises:
            UserError: no project, no such stage, or DVC cannot read the pipeline.
        """
        logging.getLogger("dvc").setLevel(logging.CRITICAL)  # no bars: errors arrive as exceptions
        self.hooks = hooks or Hooks()
        try:
            self._repo = internals.Repo()
        except internals.NotDvcRepoError:
            raise UserError(
                f"{Path.cwd()} is in no DVC project, expected a .dvc folder here; change into the project"
            ) from None
        self._held: dict[str, ExitStack] = {}
        self._entries: dict[str, Entries] = {}  # dvc.yaml -> the entries of its dvc.lock
        # path and hash of what is as recorded, while DVC's lock is held
        self._unchanged: set[tuple[str, str]] = set()
        with self.locked():
            _mend(Path(self._repo.tmp_dir, "rwlock"))
            try:
                self._read(targets)
            except DvcException as error:
                problem = " ".join(str(error).split())
                raise UserError(f"DVC cannot read the pipeline: {problem}") from None

    def _read(self, targets: Sequence[str]) -> None:
        graph = internals.get_active_graph(self._repo.index.graph)
        here = os.path.abspath("dvc.yaml")
        chosen = [stage for stage in graph if stage.path == here and not targets]
        for target in targets:
            # what the graph has not, DVC looks for, or explains: it would read all files again
            found = [stage for stage in graph if target in _names(stage)]
            chosen += found or self._find(target, {name for stage in graph for name in _names(stage)})
        if not chosen:
            raise UserError(f"{Path.cwd()} has no dvc.yaml with stages; change into the project")
        os.chdir(self._repo.root_dir)  # so that names and paths mean the same wherever the command is called
        plan = internals.plan_repro(graph, chosen)
        self._stages: dict[str, Stage] = {stage.addressing: stage for stage in plan}
        self.plan = tuple(self._stages)
        self.upstream = {s.addressing: {up.addressing for up in graph.successors(s)} for s in plan}
        for path in {stage.path for stage in plan if isinstance(stage, PipelineStage)}:
            lock = Path(path).relative_to(self._repo.root_dir).with_suffix(".lock")
            self._entries[path] = Entries(lock, [stage.name for stage in plan if stage.path == path])

    def _find(self, target: str, names: Collection[str]) -> list[Stage]:
        try:
            return internals.collect_stages(self._repo, [target])
        except DvcException:
            for close in difflib.get_close_matches(target, names, 1):
                raise UserError(f"there is no stage {target!r}; did you mean {close!r}?") from None
            raise

    @contextmanager
    def locked(self, meanwhile: Callable[[], object] = lambda: None) -> Iterator[None]:
        """Holds DVC's lock; while another command has it, says so and calls `meanwhile` now and then."""
        with ExitStack() as stack:
            for attempt in itertools.count():
                try:
                    stack.enter_context(internals.lock_repo(self._repo))
                    break
                except LockError:  # after 3 s
                    if not attempt:
                        print("waiting for another DVC command, which holds .dvc/tmp/lock", file=sys.stderr)
                    meanwhile()
            self._unchanged.clear()
            for entries in self._entries.values():
                entries.read()
            yield

    def is_stale(self, name: str) -> bool:
        """Returns whether a stage has to run; all upstream must be done.

        It is DVC's `Stage.changed`, without noting each look in the record of processes: half of its time.
        """
        stage = self._stages[name]
        if isinstance(stage, PipelineStage):
            self._entries[stage.path].update(stage)
        is_always = bool(stage.is_callback or stage.always_changed)
        deps = [] if stage.frozen else stage.deps
        if stage.changed_stage() or (is_always and not stage.frozen):
            return True
        return any(map(self._has_changed, (*deps, *stage.outs)))

    def _has_changed(self, item: Output) -> bool:
        """Returns whether an item is not as recorded; what was found so as an output is so as an input."""
        known = item.fs_path, str(item.hash_info)
        if item.IS_DEPENDENCY and item.protocol == "local" and known in self._unchanged:
            return False
        if item.status():
            return True
        self._unchanged.add(known)
        return False

    def begin(self, name: str) -> list[Command]:
        """Makes a stale stage ready to run; returns its commands, or none if it needs none.

        Raises:
            LockError: another process is working on it.
        """
        stage = self._stages[name]
        self._held[name] = ExitStack()
        try:
            self._held[name].enter_context(internals.noted(stage))
            if stage.frozen or not stage.cmd:
                internals.reproduce(stage)
                self._stage_in_git()
                self.release(name)
                return []
            stage.remove_outs(ignore_remove=False, force=False)
            try:
                self._repo.stage_cache.restore(stage, pull=self._pulls)
            except internals.RunCacheNotFoundError:
                stage.save_deps()
                return _commands(stage)
            self.finish(name)
        except BaseException:
            self.release(name)
            raise
        return []

    def finish(self, name: str) -> None:
        """Records the outputs of a stage whose commands all ended well."""
        stage = self._stages[name]
        small = any(not out.use_cache for out in stage.outs if not (out.is_metric or out.is_plot))
        gitignores = {_gitignore(out) for out in stage.outs if out.use_cache}
        for path in gitignores:
            self._orders[path].begin(_lines(path))
        stage.save(run_cache=not small)
        for path in gitignores:
            self._sort(path)
        stage.commit()
        if isinstance(stage, PipelineStage):
            self._entries[stage.path].record(stage)
        else:
            stage.dump(update_pipeline=False)
        self._stage_in_git()
        self.release(name)

    def release(self, name: str) -> None:
        """Releases the locks of a stage in DVC's record of processes."""
        if name not in self._held:
            return
        with suppress(Exception):  # where somebody has removed DVC's record, nothing is left to give back
            self._held.pop(name).close()
        for other, held in self._held.items():  # DVC notes a process once for a path that two stages read
            held.enter_context(internals.noted(self._stages[other]))

    def close(self) -> None:
        """Releases the locks of all stages that run, which is impossible once Python ends."""
        for name in list(self._held):
            self.release(name)
        self._repo.close()

    def complete(self) -> None:
        """Notes that the plan was completed."""
        ORDER.unlink(missing_ok=True)

    def meta(self, name: str) -> dict[str, Any]:
        """Returns what a stage needs: its `meta` in dvc.yaml, and what the hooks add.

        Raises:
            UserError: a value is of the wrong kind.
        """
        stage = self._stages[name]
        meta = {**(stage.meta or {}), **self.hooks.meta([str(dep) for dep in stage.deps], self._text)}
        for key in NUMBERS & meta.keys():
            if type(meta[key]) not in (int, float) or meta[key] <= 0:
                received = f"{name}: meta has {key}: {json.dumps(meta[key])}"
                raise UserError(f"{received}, expected a number above 0; correct it in dvc.yaml")
        return meta

    def parts_done(self, name: str, since: float) -> int:
        """Returns how many of its parts a finished stage computed; see `Hooks.parts_done`."""
        return self.hooks.parts_done([Path(str(out)) for out in self._stages[name].outs], since)

    def _text(self, path: str) -> str | None:
        """Returns the text of what a stage reads; None if it is not written yet."""
        return Path(path).read_text(encoding="utf-8") if Path(path).is_file() else None

    def _sort(self, gitignore: Path) -> None:
        """Brings what DVC has added to a .gitignore into the order of the plan."""
        lines = _lines(gitignore)
        if (ordered := self._orders[gitignore].sorted(lines)) != lines:
            files.write(gitignore, "".join(f"{line}\n" for line in ordered))

    @cached_property
    def _orders(self) -> dict[Path, Order]:
        """The order of each .gitignore."""
        ranks = defaultdict[Path, dict[str, int]](dict)
        for out in (out for stage in self._stages.values() for out in stage.outs if out.use_cache):
            rank = ranks[_gitignore(out)]
            rank[f"/{Path(str(out)).name}"] = len(rank)
        return {path: Order(path, rank) for path, rank in ranks.items()}

    def _stage_in_git(self) -> None:
        """Stages in git what has changed, where `core.autostage` asks for it, before a kill can forget it."""
        with self._repo.scm_context(quiet=True):
            pass


def _commands(stage: Stage) -> list[Command]:
    start = internals.prepare_kwargs(stage)
    ours = Path(sys.executable).parent  # so that `python` is this one
    start["env"]["PATH"] = f"{ours}{os.pathsep}{start['env'].get('PATH', os.defpath)}"
    return [Command(text, argv, start["cwd"], start["env"]) for text, argv in internals.commands(stage)]


def _gitignore(out: Output) -> Path:
    """Returns the file in which DVC lets git ignore an output."""
    return Path(str(out)).with_name(".gitignore")


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def _names(stage: Stage) -> tuple[str, str, str]:
    """Returns the names that stand for a stage: its own, that of its whole list, and its file."""
    return stage.addressing, stage.addressing.partition("@")[0], stage.relpath


def _mend(record: Path) -> None:
    """Removes DVC's record of processes if a kill has cut it off, as every `dvc repro` would then fail."""
    try:
        json.loads(record.read_text(encoding="utf-8") if record.exists() else "{}")
    except ValueError:
        record.unlink()
        print(f"note: removed {record}, which was damaged", file=sys.stderr)
