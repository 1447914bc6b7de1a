"""Runs what is stale in the pipeline, independent stages side by side: `dvc repro` on all cores and GPUs.

dvc.lock, DVC's cache and its run cache become what `dvc repro` makes of them. Each stage writes a log of its
own, .dvc/tmp/run/logs/STAGE.log. Ctrl-C ends every stage with its checkpoint, and the same command resumes.
"""

import argparse
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from stages.runtime import locks, signals
from stages.runtime.errors import InputError, run

if TYPE_CHECKING:
    from stages.execution.history import History
    from stages.execution.ray_cluster import RayCluster
    from stages.execution.shared import SharedProject

EXAMPLE = """example:
  python -m stages.run evaluate@final --jobs 2

Exit code 0 where all is up to date at the end, 1 where a stage failed, 130 or 143 after Ctrl-C or SIGTERM.
"""
LOCK = Path(".dvc", "tmp", "run", ".run.lock")


def main(argv: list[str] | None = None) -> None:
    """Runs stages, all by default, with what they need."""
    arguments = _parse(argv)

    from stages.execution import explanation, forecast, resources
    from stages.execution.display import Display
    from stages.execution.history import History
    from stages.execution.project import Project
    from stages.execution.prospect import Prospect
    from stages.execution.scheduler import Scheduler

    machine = resources.machine(arguments.jobs)
    if locks.is_held(LOCK) and not arguments.dry:
        holder = f"process {LOCK.read_text(encoding='utf-8')}"
        raise InputError(f"{holder} runs stages here already; wait for its end, or end it by Ctrl-C")
    began = time.monotonic()
    history = History()
    if arguments.dry:
        prospect = Prospect(arguments.targets)
        with prospect.locked():
            found = forecast.forecast(prospect, history)
        print(*explanation.outline(found, prospect, history), sep="\n")
        return
    if arguments.ray:
        project, cluster = _cluster(arguments, history)
    else:
        project, cluster = Project(arguments.targets), None
    if (arguments.jobs or 0) > machine.cores:
        print(f"note: --jobs {arguments.jobs} on {machine.cores} cores: more jobs than cores gain nothing")
    with (
        locks.held(LOCK, writing=Path.cwd()),
        cluster or nullcontext() as processes,
        Display() as display,
        signals.deferred() as received,
    ):
        scheduler = Scheduler(
            *(project, machine, history, display, received),
            keep_going=arguments.keep_going,
            processes=processes,
        )
        outcome = scheduler.run()
        for line in outcome.summary(project.plan, time.monotonic() - began):
            display.line(line)
        if cluster and not received:
            cluster.share(outcome.done)
    sys.exit(1 if outcome.failed else 0)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.run",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "targets", nargs="*", help="stages as dvc repro takes them, such as evaluate@final or train"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="stages at once; default: as many as there is room for"
    )
    parser.add_argument(
        "--keep-going", action="store_true", help="after a failure, run what does not need it"
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="compute on Ray: local, auto, HOST:6379 or ray://HOST:10001; see docs/cluster.md",
    )
    parser.add_argument(
        "--checkpoints", type=Path, metavar="FOLDER", help="with --ray: a folder that all nodes share"
    )
    parser.add_argument("--dry", action="store_true", help="print what would run, and run nothing")
    return parser.parse_args(argv)


def _cluster(arguments: argparse.Namespace, history: "History") -> "tuple[SharedProject, RayCluster]":
    """Returns the project as nodes share it, and the nodes."""
    from stages.execution.commit import committed
    from stages.execution.shared import SharedProject

    project = SharedProject(arguments.targets)
    commit = committed(project)
    try:
        from stages.execution.ray_cluster import RayCluster
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise InputError(
            f"--ray {arguments.ray} needs Ray, which is not installed here;"
            " `uv run --extra ray python -m stages.run --ray ...` brings it"
        ) from None
    return project, RayCluster(project, history, commit, arguments.ray, arguments.checkpoints)


if __name__ == "__main__":
    run(main)
