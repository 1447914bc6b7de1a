"""Runs what is stale in a DVC pipeline, independent stages side by side: `dvc repro` on all cores and GPUs.

dvc.lock, DVC's cache and its run cache become what `dvc repro` makes of them. Each stage writes a log of its
own, .dvc/tmp/run/logs/STAGE.log. Ctrl-C ends every stage; the same command then runs what is left.
"""

import argparse
import io
import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from dvc_parallel import errors, signals
from dvc_parallel.hooks import Hooks

EXAMPLE = """example:
  {prog} evaluate@final --jobs 2

Exit code 0 where all is up to date at the end, 1 where a stage failed, 130 or 143 after Ctrl-C or SIGTERM.
"""


def main(
    argv: Sequence[str] | None = None, *, prog: str = "dvc-parallel", hooks: Hooks | None = None
) -> None:
    """Runs stages, all by default, with what they need.

    Args:
        argv: arguments, those of the process by default.
        prog: the command, as help and `dvc repro` name it.
        hooks: what the project says of its stages beyond `meta` in dvc.yaml.
    """
    _prepare_streams()
    arguments = _parser(prog).parse_args(argv)
    signals.handle()
    with errors.reported():
        sys.argv = [prog, *(sys.argv[1:] if argv is None else argv)]  # as DVC names this process to others
        if arguments.check:
            from dvc_parallel.check import check

            sys.exit(
                check(arguments.targets, prog.removeprefix("python -m ").replace("-", "_"), arguments.jobs)
            )
        elif arguments.explain:
            explain(arguments.targets, arguments.jobs, hooks)
        else:
            sys.exit(_run(arguments, hooks or Hooks()))


def explain(targets: Sequence[str], jobs: int | None = None, hooks: Hooks | None = None) -> None:
    """Prints what would run and why, and what that costs."""
    from dvc_parallel import explanation, forecast, machine
    from dvc_parallel.forecast import History
    from dvc_parallel.prospect import Prospect

    with errors.reported():
        here, project = machine.machine(jobs), Prospect(targets, hooks)
        history = History()
        with project.locked():
            found = forecast.forecast(project, history)
        explanation.show(found, project, history, here)


def _run(arguments: argparse.Namespace, hooks: Hooks) -> int:
    from dvc_parallel import files, machine
    from dvc_parallel.display import Display
    from dvc_parallel.forecast import History
    from dvc_parallel.project import Project
    from dvc_parallel.scheduler import Scheduler

    here, began = machine.machine(arguments.jobs), time.monotonic()
    if (arguments.jobs or 0) > here.cores:
        print(f"note: --jobs {arguments.jobs} on {here.cores} cores: more jobs than cores gain nothing")
    if arguments.ray:
        project, cluster = _cluster(arguments, hooks)
    else:
        project, cluster = Project(arguments.targets, hooks), None
    with (
        files.only_run(),
        cluster or nullcontext() as processes,
        Display() as display,
        signals.deferred() as received,
    ):
        scheduler = Scheduler(
            *(project, here, History(), display, received),
            keep_going=arguments.keep_going,
            processes=processes,
        )
        outcome = scheduler.run()
        for line in outcome.summary(project.plan, time.monotonic() - began):
            display.line(line)
        if cluster and not received:
            cluster.share(outcome.done)
    return 1 if outcome.failed else 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=__doc__,
        epilog=EXAMPLE.format(prog=prog),
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
        "--ray", metavar="ADDRESS", help="compute on Ray: local, auto, HOST:6379 or ray://HOST:10001"
    )
    parser.add_argument(
        "--checkpoints", type=Path, metavar="FOLDER", help="with --ray: a folder that all nodes share"
    )
    parser.add_argument(
        "--explain", "--dry", action="store_true", help="print what would run, why, and what that costs"
    )
    parser.add_argument(
        "--check", action="store_true", help="run copies of the project by dvc repro and by this, and compare"
    )
    return parser


def _cluster(arguments: argparse.Namespace, hooks: Hooks) -> tuple[Any, Any]:
    """Returns the project as nodes share it, and the nodes."""
    from dvc_parallel.forecast import History
    from dvc_parallel.shared import SharedProject

    try:
        from dvc_parallel.ray_cluster import RayCluster
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise errors.UserError(
            f"--ray {arguments.ray} needs Ray, which is not installed here;"
            " `pip install 'ray[client]'` brings it"
        ) from None
    checkpoints = arguments.checkpoints and arguments.checkpoints.absolute()
    project = SharedProject(arguments.targets, hooks)
    return project, RayCluster(project, History(), arguments.ray, checkpoints)


def _prepare_streams() -> None:
    """Opens what was closed, before another file takes its number; lets any encoding show any text."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 (for the whole process)
        stream = getattr(sys, name)
        if mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
