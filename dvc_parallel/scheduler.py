"""Which stage starts when: once all upstream is done and there is room, the longest way to the end first."""

import queue
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from graphlib import TopologicalSorter

from dvc_parallel import errors, forecast
from dvc_parallel.display import DONE, Display, duration, log
from dvc_parallel.forecast import History
from dvc_parallel.internals import LockError
from dvc_parallel.jobs import Job
from dvc_parallel.machine import Machine, Need, Running
from dvc_parallel.processes import Ended, Processes
from dvc_parallel.project import Project

LOOK_S = 0.2  # between two looks at what runs
RETRY_S = 2.0  # between two tries of a stage that another process is working on


class Scheduler:
    """Runs a plan: all of DVC's work in this thread, the commands side by side."""

    def __init__(
        self,
        project: Project,
        machine: Machine,
        history: History,
        display: Display,
        received: list[int],
        *,
        keep_going: bool = False,
        processes: Processes | None = None,
    ) -> None:
        """Prepares a run.

        Args:
            project: with the plan.
            machine: where it runs.
            history: what its stages cost the last time.
            display: who sees it.
            received: signals that ask the run to end; see `signals.deferred`.
            keep_going: whether other stages still start after one has failed.
            processes: what runs the commands; by default processes of this machine.
        """
        self._project, self._machine, self._history, self._display = project, machine, history, display
        self._received, self._keep_going = received, keep_going
        can_fork = sys.platform == "linux" and not machine.gpus
        self._processes = processes or Processes(project.hooks.preload if can_fork else "")
        self._graph = TopologicalSorter(project.upstream)
        self._graph.prepare()
        self._outcome: dict[str, str] = {}  # stage -> one of display.OUTCOMES
        self._unchecked: list[str] = []  # upstream is done
        self._stale: dict[str, Need] = {}  # waiting for room
        self._busy: dict[str, str] = {}  # stages that another process is working on: what DVC says
        self._jobs: dict[str, Job] = {}
        self._ended: list[Ended] = []
        self._is_told = False

    def run(self) -> dict[str, str]:
        """Runs what is stale; a signal is passed on to all that runs, which then ends by itself.

        Returns:
            Stage -> what became of it, see `display.summary`; those that did not start are not in it.
        """
        try:
            while self._advance():
                self._wait()
        except BaseException:  # the second signal, or a bug: no stage may outlive the run
            self._processes.signal(signal.SIGKILL)
            raise
        finally:
            self._processes.close()
            self._project.close()
        if self._may_start:
            self._project.complete()
        return self._outcome

    def _advance(self) -> bool:
        """Records what has ended, starts what there is room for; returns whether there is more to come."""
        with self._project.locked(self._look):
            while self._ended:
                self._settle(self._ended.pop(0))
            self._unchecked += [*self._graph.get_ready(), *self._busy]
            self._check()
            while self._may_start and (name := self._next()):
                self._begin(name)
                self._check()
        return bool(self._jobs or (self._busy and self._may_start))

    @property
    def _may_start(self) -> bool:
        return not self._received and (self._keep_going or "failed" not in self._outcome.values())

    @cached_property
    def _urgency(self) -> Callable[[str], tuple[bool, float, int]]:
        return forecast.urgency(self._project, self._history)

    def _check(self) -> None:
        """Finds the stale stages among those whose upstream is done; the rest of those are done, too."""
        while self._unchecked and self._may_start:
            name = self._unchecked.pop(0)
            with self._guarded(name, may_wait=True):
                if self._project.is_stale(name):
                    self._stale[name] = forecast.need(self._project, self._history, name)
                else:
                    self._done(name, "up to date")

    def _next(self) -> str | None:
        """Returns the most urgent stage if there is room for it; the others do not take its room."""
        held = frozenset[str]().union(*(job.need.mutex for job in self._jobs.values()))
        free = {name: need for name, need in self._stale.items() if not need.mutex & held}
        needs = {name: free[name] for name in sorted(free, key=self._urgency)}
        if sent := next(filter(self._processes.sends, needs), None):
            return sent
        return self._machine.first_fitting(needs, self._running())

    def _running(self) -> list[Running]:
        pids = self._processes.pids
        here = [job for job in self._jobs.values() if not self._processes.sends(job.name)]
        return [Running(job.need, pids.get(job.name), job.gpu) for job in here]

    def _begin(self, name: str) -> None:
        needs = self._stale.pop(name)
        with self._guarded(name, may_wait=True):
            commands = self._project.begin(name)
            self._busy.pop(name, None)
            if not commands:
                self._display.line(f"{name}: restored, DVC has its result")
                self._done(name, "restored")
                return
            is_sent = self._processes.sends(name)
            gpu = self._machine.free_gpu(self._running()) if needs.gpu and not is_sent else None
            parts = self._project.meta(name).get("parts", 1)
            job = Job(name, commands, log(name), needs, gpu, self._history.known(name, parts), parts)
            job.log.parent.mkdir(parents=True, exist_ok=True)
            job.log.write_bytes(b"")
            self._jobs[name] = job
            self._run_next(job)
            self._display.detail(f"{name}: starts")

    def _run_next(self, job: Job) -> None:
        command = job.commands.pop(0)
        if self._processes.sends(job.name):
            job.commands.clear()
        if self._machine.gpus:  # some stages compute nothing, and would take the memory of all GPUs
            command.environment.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        if job.gpu is not None:
            command.environment["CUDA_VISIBLE_DEVICES"] = job.gpu
        is_worth = bool(self._project.meta(job.name).get("preload"))
        self._processes.start(job.name, command, job.log, is_worth=is_worth)

    def _settle(self, ended: Ended) -> None:
        job = self._jobs[ended.name]
        job.memory = max(job.memory, ended.memory)
        if not ended.code and job.commands and not self._received:
            with self._guarded(job.name):
                self._run_next(job)
            return
        self._display.output(job, job.new_lines(to_the_end=True))
        if not ended.code and not job.commands:
            with self._guarded(job.name):
                self._finish(job, job.seconds if ended.seconds is None else ended.seconds)
        elif self._received:
            del self._jobs[job.name]
            self._project.release(job.name)
            self._outcome[job.name] = "stopped"
        else:
            self._fail(job.name, _reason(ended.code))

    def _finish(self, job: Job, seconds: float) -> None:
        if self._processes.sends(job.name):
            self._processes.receive(job.name)
        parts = self._project.parts_done(job.name, job.began)
        self._project.finish(job.name)
        del self._jobs[job.name]
        self._done(job.name, "ran")
        self._display.line(f"{job.name}: done in {duration(seconds)}")
        if parts:
            with suppress(OSError):
                self._history.record(job.name, seconds, job.memory, parts)

    def _done(self, name: str, what: str) -> None:
        self._outcome[name] = what
        self._busy.pop(name, None)
        self._graph.done(name)
        self._unchecked += self._graph.get_ready()

    @contextmanager
    def _guarded(self, name: str, *, may_wait: bool = False) -> Iterator[None]:
        """Keeps a fault of one stage from affecting the others."""
        try:
            yield
        except Exception as error:
            why = " ".join((errors.describe(error) or str(error) or type(error).__name__).split())
            if not (may_wait and isinstance(error, LockError)):
                self._fail(name, why)
            elif self._busy.setdefault(name, "") != why:
                self._busy[name] = why
                self._display.line(f"{name}: waits: {why}")

    def _fail(self, name: str, why: str) -> None:
        place = ""
        if job := self._jobs.pop(name, None):
            self._display.failure(job)
            place = f"; its log: {log(name)}"
        self._busy.pop(name, None)
        self._outcome[name] = "failed"
        self._display.line(f"{name} failed: {why}{place}")
        self._project.release(name)

    def _wait(self) -> None:
        """Waits for the end of a process, or until a stage that another process holds can be tried again."""
        retry = time.monotonic() + RETRY_S if self._busy else float("inf")
        while not self._ended and time.monotonic() < retry:
            self._look()
            with suppress(queue.Empty):
                self._ended.append(self._processes.ended.get(timeout=LOOK_S))
        while not self._processes.ended.empty():
            self._ended.append(self._processes.ended.get())

    def _look(self) -> None:
        """Shows what runs, and passes a signal on."""
        for job in self._jobs.values():
            self._display.output(job, job.new_lines())
        if self._received and not self._is_told:
            self._is_told = True
            self._processes.signal(self._received[0])
            names = ", ".join(self._jobs) or "nothing"
            self._display.line(f"stopping {names}, once its state is saved; a second signal kills")
        done = sum(what in DONE for what in self._outcome.values())
        self._display.refresh(self._jobs.values(), done, len(self._project.plan))


def _reason(code: int) -> str:
    if code == -signal.SIGKILL:
        return "killed by SIGKILL, perhaps because memory ran out"
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
