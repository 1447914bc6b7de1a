"""What DVC knows: the plan, which stages are stale, how a result is recorded. Who calls runs the commands.

`begin` and `finish` are what DVC's own `Stage.reproduce` (dvc/stage/__init__.py and run.py, 3.67) does before
and after the command, call by call. So cache, run cache and dvc.lock become those of `dvc repro`, and
one beside this finds the locks that it would find beside another `dvc repro`.
"""

import difflib
import itertools
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from dvc.dependency.db import AbstractDependency
from dvc.dependency.repo import RepoDependency
from dvc.exceptions import DvcException, NotDvcRepoError
from dvc.lock import LockError
from dvc.repo import Repo, lock_repo
from dvc.repo.reproduce import _reproduce_stage, collect_stages, get_active_graph, plan_repro
from dvc.rwlock import rwlock
from dvc.stage import Stage
from dvc.stage.cache import RunCacheNotFoundError
from dvc.stage.run import _enforce_cmd_list, _make_cmd, get_executable, prepare_kwargs

from dvc_parallel.errors import UserError
from dvc_parallel.hooks import Hooks
from dvc_parallel.lockfile import Entries


class Command(NamedTuple):
    """A line of a stage's `cmd`, and how DVC starts it."""

    text: str
    argv: list[str]
    folder: str
    environment: dict[str, str]


class Project:
    """The DVC project of the current folder.

    Attributes:
        plan: names of the stages that `dvc repro` would look at, in its order.
        upstream: stage -> those that must be done before it.
        hooks: what the project says of its stages beyond `meta`.
    """

    def __init__(self, targets: Sequence[str] = (), hooks: Hooks | None = None) -> None:
        """Reads dvc.yaml.

        Args:
            targets: stages, as `dvc repro` takes them; all where there are none.
            hooks: what the project says of its stages.

        Raises:
            UserError: no project, no such stage, or DVC cannot read the pipeline.
        """
        logging.getLogger("dvc").setLevel(logging.CRITICAL)  # no bars: errors arrive as exceptions
        self.hooks = hooks or Hooks()
        try:
            self._repo = Repo()
        except NotDvcRepoError:
            raise UserError(
                f"{Path.cwd()} is in no DVC project, expected a .dvc folder here; change into the project"
            ) from None
        _mend(Path(self._repo.tmp_dir, "rwlock"))
        self._held: dict[str, ExitStack] = {}
        with self.locked():
            try:
                self._read(targets)
            except DvcException as error:
                problem = " ".join(str(error).split())
                raise UserError(f"DVC cannot read the pipeline: {problem}") from None
            self.plan = tuple(self._stages)
            self._entries = Entries(self.plan)

    def _read(self, targets: Sequence[str]) -> None:
        graph = get_active_graph(self._repo.index.graph)
        # Without targets, DVC would read all files again.
        chosen = [stage for stage in graph if stage.path_in_repo == "dvc.yaml" and not targets]
        for target in targets:
            try:
                chosen += collect_stages(self._repo, [target])
            except DvcException as error:
                names = {name for stage in graph for name in _names(stage)}
                for close in difflib.get_close_matches(target, names, 1):
                    raise UserError(f"there is no stage {target!r}; did you mean {close!r}?") from None
                raise error
        if not chosen:
            raise UserError(f"{Path.cwd()} has no dvc.yaml with stages; change into the project")
        plan = plan_repro(graph, chosen)
        self._stages = {stage.addressing: stage for stage in plan}
        self.upstream = {s.addressing: {up.addressing for up in graph.successors(s)} for s in plan}

    @contextmanager
    def locked(self, meanwhile: Callable[[], object] = lambda: None) -> Iterator[None]:
        """Holds DVC's lock; while another command has it, says so and calls `meanwhile` now and then."""
        with ExitStack() as stack:
            for attempt in itertools.count():
                try:
                    stack.enter_context(lock_repo(self._repo))
                    break
                except LockError:  # after 3 s
                    if not attempt:
                        print("waiting for another DVC command, which holds .dvc/tmp/lock", file=sys.stderr)
                    meanwhile()
            yield

    def is_stale(self, name: str) -> bool:
        """Returns whether a stage has to run; all upstream must be done.

        It is DVC's `Stage.changed`, without noting each look in the record of processes: half of its time.
        """
        stage = self._stages[name]
        self._entries.refresh(stage)
        is_always = bool(stage.is_callback or stage.always_changed)
        deps = [] if stage.frozen else stage.deps
        if stage.changed_stage() or (is_always and not stage.frozen):
            return True
        return any(item.status() for item in (*deps, *stage.outs))

    def begin(self, name: str) -> list[Command]:
        """Makes a stale stage ready to run; returns its commands, none where it needed none.

        Raises:
            LockError: another process is working on it.
        """
        stage = self._stages[name]
        self._held[name] = ExitStack()
        try:
            self._held[name].enter_context(self._rwlock(stage))
            if stage.frozen or not stage.cmd:
                _reproduce_stage(stage)
                self.release(name)
                return []
            stage.remove_outs(ignore_remove=False, force=False)
            try:
                self._restore(stage)
            except RunCacheNotFoundError:
                stage.save_deps()
                return _commands(stage)
            self.finish(name)
        except BaseException:
            self.release(name)
            raise
        return []

    def _restore(self, stage: Stage) -> None:
        """Takes a result from the run cache."""
        self._repo.stage_cache.restore(stage)

    def finish(self, name: str) -> None:
        """Records the outputs of a stage whose commands all ended well."""
        stage = self._stages[name]
        small = any(not out.use_cache for out in stage.outs if not (out.is_metric or out.is_plot))
        stage.save(run_cache=not small)
        stage.commit()
        self._entries.record(stage)
        self.release(name)

    def release(self, name: str) -> None:
        """Gives back what DVC notes of a stage that runs."""
        if name not in self._held:
            return
        with suppress(Exception):  # where somebody has removed DVC's record, nothing is left to give back
            self._held.pop(name).close()
        for other, held in self._held.items():  # DVC notes a process once for a path that two stages read
            held.enter_context(self._rwlock(self._stages[other]))

    def close(self) -> None:
        """Gives back what DVC notes of stages that run, which nobody could once Python ends."""
        for name in list(self._held):
            self.release(name)
        self._repo.close()

    def complete(self) -> None:
        """Notes that the plan was gone through to its end."""
        self._entries.forget_order()

    def meta(self, name: str) -> dict[str, Any]:
        """Returns what a stage takes: its `meta` in dvc.yaml, and what the hooks add."""
        stage = self._stages[name]
        return {**(stage.meta or {}), **self.hooks.meta([str(dep) for dep in stage.deps], self._text)}

    def parts_done(self, name: str, since: float) -> int:
        """Returns how many of its parts a stage that has ended computed; see `Hooks.parts_done`."""
        return self.hooks.parts_done([Path(str(out)) for out in self._stages[name].outs], since)

    def _text(self, path: str) -> str | None:
        """Returns the text of what a stage reads; None where it is not written yet."""
        return Path(path).read_text(encoding="utf-8") if Path(path).is_file() else None

    def _rwlock(self, stage: Stage) -> Any:
        remote = (RepoDependency, AbstractDependency)
        read = [dep.fs_path for dep in stage.deps if not isinstance(dep, remote)]
        write = [out.fs_path for out in stage.outs]
        hardlink = self._repo.config["core"].get("hardlink_lock", False)
        return rwlock(self._repo.tmp_dir, self._repo.fs, " ".join(sys.argv), read, write, hardlink)


def _commands(stage: Stage) -> list[Command]:
    start = prepare_kwargs(stage)
    ours = Path(sys.executable).parent  # so that `python` is this one
    start["env"]["PATH"] = f"{ours}{os.pathsep}{start['env'].get('PATH', os.defpath)}"
    return [
        Command(text, _make_cmd(get_executable(), text), start["cwd"], start["env"])
        for text in _enforce_cmd_list(stage.cmd)
    ]


def _names(stage: Stage) -> tuple[str, str]:
    """Returns what a stage may be called: it alone, or all that come from its list."""
    return stage.addressing, stage.addressing.partition("@")[0]


def _mend(record: Path) -> None:
    """Removes DVC's record of processes where a kill has cut it off, so that every `dvc repro` would fail."""
    try:
        json.loads(record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except ValueError:
        record.unlink()
        print(f"note: removed {record}, which was damaged", file=sys.stderr)
