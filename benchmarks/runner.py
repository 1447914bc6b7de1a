"""Measures `python -m stages.run` against `dvc repro`, and kills it: python -m benchmarks.runner [--kills N].

The pipelines are of shell commands that take no time, so that what is left is the cost of running stages: a
chain, in which each needs the one before, and a fan, in which all need one. With --kills, runs of a pipeline
with waits are ended at random moments by SIGKILL, SIGINT or SIGTERM; the run after that must leave dvc.lock,
cache, run cache and outputs of a `dvc repro` that nothing disturbed.
"""

import argparse
import itertools
import os
import random
import resource
import signal
import tempfile
import time
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from dvc_parallel.tests import pipelines
from dvc_parallel.tests.pipelines import RUN, stage, steps

SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM}
TORN = ".dvc/cache/files/md5/.*.tmp"  # what DVC was copying when it was killed; `dvc repro` leaves it, too
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


def survive(base: Path, kills: int, seed: int) -> Counter[str]:
    """Ends runs at random moments; half of them may then finish, the others are ended again.

    Args:
        base: a folder to work in.
        kills: how many.
        seed: of their kinds and moments.

    Returns:
        Signal -> how many runs it ended.

    Raises:
        AssertionError: something differs from what `dvc repro` leaves.
    """
    rng = random.Random(seed)
    fan = [steps(f"s{i}", 0.1 + i % 4 / 10, needs=("first",)) for i in range(7)]
    last = stage("last", needs=tuple(f"s{i}" for i in range(7)))
    # As in our dvc.yaml, later stages are listed first: the order of the plan is not that of the file.
    pipelines.write(base / "project", last, *reversed(fan), stage("first"), steps("alone", 0.5))
    undisturbed = pipelines.copy(base / "project", "undisturbed")
    cost(undisturbed, "dvc", "repro")
    expected = pipelines.recorded(undisturbed)
    done: Counter[str] = Counter()
    for attempt in itertools.count():
        if done.total() >= kills:
            break
        folder = pipelines.copy(base / "project", f"killed_{attempt}")
        is_running = True
        while is_running and done.total() < kills:
            name = rng.choice(list(SIGNALS))
            process = pipelines.start(folder, *RUN)
            time.sleep(rng.uniform(0.3, 3.5))
            os.kill(process.pid, SIGNALS[name])
            process.communicate()
            assert process.returncode in (0, -SIGNALS[name], 128 + SIGNALS[name]), process.returncode
            done[name] += bool(process.returncode)
            is_running = process.returncode != 0 and rng.random() < 0.5
        cost(folder, *RUN)
        found = pipelines.recorded(folder)
        unequal = {path for path in {*found, *expected} if found.get(path) != expected.get(path)}
        different = sorted(path for path in unequal if not fnmatch(path, TORN))
        assert not different, f"{different} differ in {folder}, seed {seed}, after {done}"
        print(f"{done.total()} of {kills}", flush=True)
    return done


def main() -> None:
    """Prints the costs, or what kills led to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--stages", type=int, default=20, help="of each pipeline, default 20")
    parser.add_argument("--kills", type=int, default=0, help="instead of the measurement")
    parser.add_argument("--seed", type=int, default=0, help="of kinds and moments, default 0")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if arguments.kills:
            done = survive(Path(name), arguments.kills, arguments.seed)
            print(f"survived {', '.join(f'{n} {what}' for what, n in done.items())}")
            return
        for shape in SHAPES:
            measure(Path(name), arguments.stages, shape)


if __name__ == "__main__":
    main()
