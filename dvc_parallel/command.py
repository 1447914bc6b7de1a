"""Runs what is stale in a DVC pipeline, independent stages side by side: `dvc repro` on all cores and GPUs.

dvc.lock, DVC's cache and its run cache become what `dvc repro` makes of them. Each stage writes a log of its
own, .dvc/tmp/run/logs/STAGE.log. Ctrl-C ends every stage; the same command then runs what is left.
"""

import argparse
import io
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
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what a stage prints may not fit the encoding
    with errors.reported():
        arguments = _parser(prog).parse_args(argv)
        signals.handle()
        sys.argv = [prog, *(sys.argv[1:] if argv is None else argv)]  # as DVC names this process to others
        if arguments.check:
            from dvc_parallel.check import check

            module = prog.removeprefix("python -m ").replace("-", "_")
            sys.exit(check(arguments.targets, module, arguments.jobs))
        if arguments.dry:
            _explain(arguments, hooks or Hooks())
        else:
            sys.exit(_run(arguments, hooks or Hooks()))


def _explain(arguments: argparse.Namespace, hooks: Hooks) -> None:
    from dvc_parallel import explanation, machine
    from dvc_parallel.forecast import History
    from dvc_parallel.prospect import Prospect

    here, project = machine.machine(arguments.jobs), Prospect(arguments.targets, hooks)
    with project.locked():
        affected = list(project.affected())
    for line in explanation.lines(affected, project, History(), here):
        print(line)


def _run(arguments: argparse.Namespace, hooks: Hooks) -> int:
    from dvc_parallel import machine
    from dvc_parallel.display import DONE, Display, summary
    from dvc_parallel.forecast import History
    from dvc_parallel.project import Project
    from dvc_parallel.scheduler import Scheduler

    here, began = machine.machine(arguments.jobs), time.monotonic()
    if arguments.ray:
        project, cluster = _cluster(arguments, hooks)
    else:
        project, cluster = Project(arguments.targets, hooks), None
    with cluster or nullcontext() as processes, Display() as display, signals.deferred() as received:
        scheduler = Scheduler(
            *(project, here, History(), display, received),
            keep_going=arguments.keep_going,
            processes=processes,
        )
        outcome = scheduler.run()
        for line in summary(outcome, project.plan, time.monotonic() - began):
            display.line(line)
        if cluster and not received:
            cluster.share([name for name, what in outcome.items() if what in DONE])
    return 1 if "failed" in outcome.values() else 0


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=__doc__,
        epilog=EXAMPLE.format(prog=prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("targets", nargs="*", help="stages as dvc repro takes them, such as evaluate@final or train")
    add("--jobs", type=int, metavar="N", help="stages at once; default: as many as there is room for")
    add("--keep-going", action="store_true", help="after a failure, run what does not need it")
    add("--ray", metavar="ADDRESS", help="compute on Ray: local, auto, HOST:6379 or ray://HOST:10001")
    add("--checkpoints", type=Path, metavar="FOLDER", help="with --ray: a folder that all nodes share")
    what = "print what would run, why, and what that costs"
    add("--dry", action="store_true", help=what)
    what = "run copies of the project by dvc repro and by this, and compare"
    add("--check", action="store_true", help=what)
    return parser


def _cluster(arguments: argparse.Namespace, hooks: Hooks) -> tuple[Any, Any]:
    """Returns the project as nodes share it, and the nodes."""
    from dvc_parallel.forecast import History
    from dvc_parallel.shared import SharedProject

    try:
        from dvc_parallel.ray_cluster import RayCluster
    except ModuleNotFoundError:
        raise errors.UserError(
            f"--ray {arguments.ray} needs Ray, which is not installed here;"
            " `pip install 'ray[client]'` brings it"
        ) from None
    checkpoints = arguments.checkpoints and arguments.checkpoints.absolute()
    project = SharedProject(arguments.targets, hooks)
    return project, RayCluster(project, History(), arguments.ray, checkpoints)
