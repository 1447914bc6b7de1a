"""What a run will take, by what stages took when they last ran: a guess, no result.

A stage of several parts of equal cost takes as long as it has parts to do, so its time is noted per part.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dvc_parallel import files
from dvc_parallel.machine import Machine, Need
from dvc_parallel.project import Project

QUICK_S = 10.0  # such stages go first: their results appear early, and cost the long ones seconds
SECONDS, MEMORY_GB = 60.0, 1.0  # of a stage of which nothing is known


class History:
    """What past runs of this project cost."""

    def __init__(self, path: Path = files.RUN / "history.json") -> None:
        """Reads the file; one that is missing or damaged counts as empty."""
        self._path = path
        try:
            self._runs: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._runs = {}

    def seconds(self, name: str, meta: Mapping[str, Any]) -> float:
        """Returns how long a stage may take: its last time, the longest of its kind, or what meta says."""
        parts = meta.get("parts", 1)
        kind = name.partition("@")[0]
        similar = [name] if name in self._runs else [n for n in self._runs if n.partition("@")[0] == kind]
        known = [self.known(other, parts) for other in similar]
        return max(known, default=meta.get("seconds", SECONDS) * parts)

    def known(self, name: str, parts: int = 1) -> float | None:
        """Returns how long a stage takes for so many parts by its last time; None if it has not run here."""
        if name not in self._runs:
            return None
        seconds, former = self.took(name)
        return seconds / former * parts

    def took(self, name: str) -> tuple[float, int]:
        """Returns how long a stage took, and how many parts it did then."""
        return self._runs[name]["seconds"], int(self._runs[name].get("parts", 1))

    def memory(self, name: str, meta: Mapping[str, Any]) -> float:
        """Returns the bytes that a stage needs: its last peak, or what meta says in GB."""
        return self._runs.get(name, {}).get("memory") or meta.get("memory_gb", MEMORY_GB) * 1e9

    def record(self, name: str, seconds: float, memory: float, parts: int = 1) -> None:
        """Notes a run that ended well."""
        self._runs[name] = {"seconds": round(seconds, 2), "memory": memory, "parts": parts}
        files.write(self._path, json.dumps(self._runs, indent=1))


def urgency(project: Project, history: History) -> Callable[[str], tuple[bool, float, int]]:
    """Returns the order in which stages start: by the time from their start to the end of all after them."""
    costs = {name: history.seconds(name, project.meta(name)) for name in project.plan}
    ways, places = _ways(project, costs), {name: place for place, name in enumerate(project.plan)}
    return lambda name: (costs[name] > QUICK_S, -ways[name], places[name])


def need(project: Project, history: History, name: str) -> Need:
    """Returns what a stage takes."""
    meta = project.meta(name)
    named = meta.get("mutex", [])
    mutex = frozenset([named] if isinstance(named, str) else map(str, named))
    return Need(meta.get("threads", 1), history.memory(name, meta), bool(meta.get("gpu")), mutex)


def seconds(costs: Mapping[str, float], project: Project, machine: Machine) -> float:
    """Returns how long stages take side by side: as their longest chain, or as all of them on full cores.

    Args:
        costs: stage -> seconds.
        project: with these stages.
        machine: where they run.
    """
    chain = max(_ways(project, costs).values())
    if machine.jobs:
        return max(chain, sum(costs.values()) / machine.jobs)
    threads = {name: min(machine.cores, project.meta(name).get("threads", 1)) for name in costs}
    return max(chain, sum(costs[name] * threads[name] for name in costs) / machine.cores)


def _ways(project: Project, costs: Mapping[str, float]) -> dict[str, float]:
    """Returns the time from the start of each stage to the end of all after it, where there is room."""
    ways = {name: costs.get(name, 0.0) for name in project.plan}
    for name in reversed(project.plan):
        for up in project.upstream[name]:
            ways[up] = max(ways[up], costs.get(up, 0.0) + ways[name])
    return ways
