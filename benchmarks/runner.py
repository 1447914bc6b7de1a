"""Measures `python -m stages.run` against `dvc repro`: python -m benchmarks.runner [--stages N].

The pipelines are of shell commands that take no time, so that what is left is the cost of running stages: a
chain, in which each needs the one before, and a fan, in which all need one.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from dvc_parallel.tests import pipelines
from dvc_parallel.tests.pipelines import RUN, stage

SHAPES = {"chain": lambda n: (f"s{n - 1}",) if n else (), "fan": lambda n: ("s0",) if n else ()}


class Cost(NamedTuple):
    """Seconds by the clock, and of CPU time with that of all stages."""

    wall: float
    cpu: float


def cost(folder: Path, *command: str) -> Cost:
    """Returns the cost of a command, which has to succeed."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    code, printed = pipelines.call(folder, *command)
    assert code == 0, printed
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.monotonic() - began, cpu)


def measure(base: Path, n: int, shape: str) -> None:
    """Prints what the stages of a pipeline cost, run and not run."""
    pipelines.write(base / shape, *(stage(f"s{i}", needs=SHAPES[shape](i)) for i in range(n)))
    theirs = pipelines.copy(base / shape, f"{shape}_repro")
    commands = {"stages.run": (base / shape, *RUN), "dvc repro": (theirs, "dvc", "repro")}
    for name, (folder, *command) in commands.items():
        first, *again = [cost(folder, *command) for _ in range(4)]
        nothing = Cost(*map(min, zip(*again, strict=True)))
        each = [(x - y) / n for x, y in zip(first, nothing, strict=True)]
        print(
            f"{shape} of {n}, {name}: {each[0]:.3f} s a stage ({each[1]:.3f} s of CPU),"
            f" no-op {nothing.wall:.2f} s ({nothing.cpu:.2f} s of CPU)",
            flush=True,
        )
    assert pipelines.recorded(base / shape) == pipelines.recorded(theirs)


def main() -> None:
    """Prints the costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--stages", type=int, default=20, help="of each pipeline, default 20")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for shape in SHAPES:
            measure(Path(name), arguments.stages, shape)


if __name__ == "__main__":
    main()
