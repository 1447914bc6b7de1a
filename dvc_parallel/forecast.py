"""What a run will take, by what stages took when they last ran: a guess, no result.

A stage of several parts of equal cost takes as long as it has parts to do, so its time is noted per part.
"""

import heapq
import json
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from dvc_parallel import files
from dvc_parallel.machine import Machine, Need, Running
from dvc_parallel.project import Project
from dvc_parallel.prospect import Affected, Prospect

QUICK_S = 10.0  # such stages go first: their results appear early, and cost the long ones seconds
PATH = files.RUN / "history.json"
SECONDS, MEMORY = 60.0, 1e9  # of a stage of which nothing is known


class History:
    """What past runs of this project cost."""

    def __init__(self, path: Path = PATH) -> None:
        """Reads the file; one that is missing or damaged counts as empty."""
        self._path = path
        try:
            self._runs: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._runs = {}

    def seconds(self, name: str, meta: dict[str, Any]) -> float:
        """Returns how long a stage may take: its last time, the longest of its kind, or what meta says."""
        parts = meta.get("parts", 1)
        if (known := self.known(name, parts)) is not None:
            return known
        kind = name.partition("@")[0]
        of_kind = [other for other in self._runs if other.partition("@")[0] == kind]
        return max((self._per_part(other) for other in of_kind), default=meta.get("seconds", SECONDS)) * parts

    def known(self, name: str, parts: int = 1) -> float | None:
        """Returns how long a stage takes for so many parts by its last time; None if it has not run here."""
        return self._per_part(name) * parts if name in self._runs else None

    def took(self, name: str) -> tuple[float, int]:
        """Returns how long a stage took, and how many parts it did then."""
        return self._runs[name]["seconds"], int(self._runs[name].get("parts", 1))

    def memory(self, name: str, meta: dict[str, Any]) -> float:
        """Returns the bytes that a stage needs: its last peak, or what meta says in GB."""
        return self._runs.get(name, {}).get("memory") or meta.get("memory_gb", MEMORY / 1e9) * 1e9

    def record(self, name: str, seconds: float, memory: float, parts: int = 1) -> None:
        """Notes a run that ended well."""
        self._runs[name] = {"seconds": round(seconds, 2), "memory": memory, "parts": parts}
        files.write(self._path, json.dumps(self._runs, indent=1))

    def _per_part(self, name: str) -> float:
        seconds, parts = self.took(name)
        return seconds / parts


def urgency(project: Project, history: History) -> Callable[[str], tuple[bool, float, int]]:
    """Returns the order in which stages start: by the time from their start to the end of all after them."""
    seconds = {name: history.seconds(name, project.meta(name)) for name in project.plan}
    after = dict.fromkeys(project.plan, 0.0)
    for name in reversed(project.plan):
        for up in project.upstream[name]:
            after[up] = max(after[up], seconds[name] + after[name])
    places = {name: place for place, name in enumerate(project.plan)}
    return lambda name: (seconds[name] > QUICK_S, -seconds[name] - after[name], places[name])


def need(project: Project, history: History, name: str) -> Need:
    """Returns what a stage takes."""
    meta = project.meta(name)
    named = meta.get("mutex", [])
    mutex = frozenset([named] if isinstance(named, str) else map(str, named))
    return Need(meta.get("threads", 1), history.memory(name, meta), bool(meta.get("gpu")), mutex)


def forecast(project: Prospect, history: History) -> list[Affected]:
    """Returns the stages that would or may run, in the order in which they would start."""
    affected = {found.name: found for found in project.affected()}
    order = urgency(project, history)
    graph = TopologicalSorter(project.upstream)
    graph.prepare()
    ready: list[tuple[tuple[bool, float, int], str]] = []
    started = []
    while graph.is_active():
        for name in graph.get_ready():
            heapq.heappush(ready, (order(name), name))
        _, name = heapq.heappop(ready)
        graph.done(name)
        started += [affected[name]] if name in affected else []
    return started


def seconds(costs: Mapping[str, float], project: Project, history: History, machine: Machine) -> float:
    """Returns how long stages take side by side.

    Args:
        costs: stage -> seconds.
        project: with these stages.
        history: of their memory.
        machine: where they run.
    """
    order, needs = urgency(project, history), {name: need(project, history, name) for name in costs}
    graph = TopologicalSorter({name: project.upstream[name] & needs.keys() for name in costs})
    graph.prepare()
    waiting: list[str] = []
    running: dict[str, tuple[float, Running]] = {}  # with the time of its end
    now = 0.0
    while graph.is_active():
        waiting = sorted([*waiting, *graph.get_ready()], key=order)
        others = [given for _, given in running.values()]
        held = frozenset[str]().union(*(other.need.mutex for other in others))
        if name := machine.first_fitting({n: needs[n] for n in waiting if not needs[n].mutex & held}, others):
            waiting.remove(name)
            gpu = machine.free_gpu(others) if needs[name].gpu else None
            running[name] = (now + costs[name], Running(needs[name], None, gpu))
            continue
        name = min(running, key=lambda name: running[name][0])
        now, _ = running.pop(name)
        graph.done(name)
    return now
