"""What a run will take: which stage goes first, what it needs, what would run at all."""

import heapq
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter

from dvc_parallel.history import History
from dvc_parallel.machine import Machine, Need, Running
from dvc_parallel.project import Project
from dvc_parallel.prospect import Affected, Prospect

QUICK_S = 10.0  # such stages go first: their results appear early, and cost the long ones seconds


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
