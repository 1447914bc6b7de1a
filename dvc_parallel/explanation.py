"""What --dry prints: the stages that would run, why, and what that costs."""

from collections.abc import Iterator, Sequence

from dvc_parallel import forecast
from dvc_parallel.display import duration
from dvc_parallel.forecast import History
from dvc_parallel.machine import Machine
from dvc_parallel.prospect import Affected, Prospect

WIDEST = 60  # characters of a column; what is longer sticks out


def lines(
    affected: Sequence[Affected], project: Prospect, history: History, machine: Machine
) -> Iterator[str]:
    """Yields a line for each stage that would run, with its reasons and its cost, then their sum."""
    rows = [(stage.name, "; ".join(stage.reasons), _cost(stage, project, history)) for stage in affected]
    widths = [min(WIDEST, max(map(len, column))) for column in zip(*rows, strict=True)]
    for name, why, cost in rows:
        yield f"{name:<{widths[0]}}  {why:<{widths[1]}}  {cost}"
    yield _sum(affected, project, history, machine)


def _cost(stage: Affected, project: Prospect, history: History) -> str:
    """Returns what a stage takes, by its last time."""
    if stage.is_restored:
        return "restored from the cache, nothing to compute"
    known = history.known(stage.name, stage.parts)
    if known is None:
        return "no past time"
    seconds, parts = history.took(stage.name)
    took = f"took {duration(seconds)}" + (f" for {parts} {project.hooks.part}s" if parts > 1 else "")
    return took if parts == stage.parts else f"{took}, now {stage.parts}: {duration(known)}"


def _sum(affected: Sequence[Affected], project: Prospect, history: History, machine: Machine) -> str:
    """Returns how many stages there are and how long they take."""
    if not affected:
        return f"all {len(project.plan)} stages are up to date"
    computed = [stage for stage in affected if not stage.is_restored]
    costs = {stage.name: history.known(stage.name, stage.parts) for stage in computed}
    known = {name: seconds for name, seconds in costs.items() if seconds is not None}
    text = f"{len(affected)} of {len(project.plan)} stages"
    if n_restored := len(affected) - len(computed):
        text += f", {n_restored} of them from the cache"
    if not known:
        return f"{text}: {'no past time' if computed else 'nothing to compute'}"
    n_unknown = len(costs) - len(known)
    least = "at least " if n_unknown else ""
    how = f"with {machine.jobs} at once" if machine.jobs else "side by side"
    together = duration(forecast.seconds(known, project, machine))
    text += f": {least}{together} {how}, {duration(sum(known.values()))} one by one"
    return text + (f"; {n_unknown} without a past time" if n_unknown else "")
