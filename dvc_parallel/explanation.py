"""What --explain prints: the stages that would run, why, and what that costs."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from dvc_parallel import forecast
from dvc_parallel.display import duration
from dvc_parallel.forecast import History
from dvc_parallel.machine import Machine
from dvc_parallel.project import Project
from dvc_parallel.prospect import Affected

RESTORED = "restored from the cache, nothing to compute"
WIDEST = 60  # characters of a column; what is longer sticks out


def show(
    found: Sequence[Affected],
    project: Project,
    history: History,
    machine: Machine,
    console: Console | None = None,
) -> None:
    """Prints stages with reasons: a table on a terminal, aligned lines elsewhere; then their sum."""
    console = console or Console(highlight=False, markup=False, emoji=False)
    rows = [(stage.name, stage.reasons, _cost(stage, project, history)) for stage in found]
    if console.is_terminal:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        table.add_column("stage", no_wrap=True, min_width=max((len(name) for name, *_ in rows), default=0))
        table.add_column("why", overflow="fold")
        table.add_column("cost")
        for name, reasons, took in rows:
            table.add_row(name, "\n".join(reasons), took)
        console.print(table) if rows else None
    else:
        lines = [(name, "; ".join(reasons), took) for name, reasons, took in rows]
        widths = [min(WIDEST, max(map(len, column))) for column in list(zip(*lines, strict=True))[:2]]
        for name, why, took in lines:
            print(f"{name:<{widths[0]}}  {why:<{widths[1]}}  {took}")
    console.print(_sum(found, project, history, machine), soft_wrap=True)


def _cost(stage: Affected, project: Project, history: History) -> str:
    """Returns what a stage takes, by its last time."""
    if stage.is_restored:
        return RESTORED
    known = history.known(stage.name, stage.parts)
    if known is None:
        return "no past time"
    seconds, parts = history.took(stage.name)
    took = f"took {duration(seconds)}" + (f" for {parts} {project.hooks.part}s" if parts > 1 else "")
    return took if parts == stage.parts else f"{took}, now {stage.parts}: {duration(known)}"


def _sum(found: Sequence[Affected], project: Project, history: History, machine: Machine) -> str:
    """Returns how many stages there are and how long they take."""
    if not found:
        return _nothing(project)
    computed = [stage for stage in found if not stage.is_restored]
    n_restored = len(found) - len(computed)
    text = f"{len(found)} of {len(project.plan)} stages"
    text += f", {n_restored} of them from the cache" if n_restored else ""
    known = _known(found, history)
    if not computed:
        return f"{text}: nothing to compute"
    if not known:
        return f"{text}: no past time"
    n_unknown = len(computed) - len(known)
    least = "at least " if n_unknown else ""
    how = f"with {machine.jobs} at once" if machine.jobs else "side by side"
    costs = {stage.name: known.get(stage.name, 0.0) for stage in computed}
    together = duration(forecast.seconds(costs, project, history, machine))
    text += f": {least}{together} {how}, {duration(sum(known.values()))} one by one"
    return text + (f"; {n_unknown} without a past time" if n_unknown else "")


def _known(found: Sequence[Affected], history: History) -> dict[str, float]:
    """Returns the seconds of the stages that compute, if known."""
    known = {stage.name: history.known(stage.name, stage.parts) for stage in found if not stage.is_restored}
    return {name: seconds for name, seconds in known.items() if seconds is not None}


def _nothing(project: Project) -> str:
    return f"all {len(project.plan)} stages are up to date"
