"""Measures how the pipeline's own work grows with variants, and what jobs bring; writes docs/scale.md.

Models are a few bytes: what is timed is the work around them, and the results of such a variant are those
of `flip`. The text of the page after the tables is kept.
"""

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from ruamel.yaml import YAML

from benchmarks.speed import BASE_NETS, kept, machine
from stages.demo.mirror import write_mirror
from stages.projects.founding import PROJECT, copy
from stages.runtime.errors import run

ROOT = Path(__file__).parent.parent
VARIANTS = (1, 100, 300, 1000)  # at least; the study itself has more than one
JOBS = (1, 2, 4)
SAMPLED = 0.05  # seconds between two looks at the memory
EPOCHS = 10  # of each training among others
KEPT = "\n## What breaks first\n"  # start of the text that a person wrote
RESOLVED = "data/resolved/{}/study.json"
COMMANDS = {
    "resolve": ["-m", "stages.resolve", "params.yaml", "report.yaml", "data/resolved"],
    "dvc status": ["-m", "dvc", "status", "--quiet"],
    "run --dry": ["-m", "stages.run", "--dry"],
    "run, nothing to do": ["-m", "stages.run"],
    "dvc repro, nothing to do": ["-m", "dvc", "repro", "--quiet"],
    "compare": ["-m", "stages.compare", RESOLVED.format("compare"), "metrics", "plots/variants", "plots"],
    "report": [
        *("-m", "stages.report", RESOLVED.format("report")),
        *("metrics", "plots/variants", "plots/report.html"),
    ],
}


class Cost(NamedTuple):
    """What a command and the processes it starts took: seconds of CPU, of the wall clock; bytes at most."""

    cpu: float
    wall: float
    memory: float


Table = dict[str, dict[int, Cost]]  # command -> number of variants -> cost
DATA = {"n_classes": 25, "train_per_class": 500, "test_per_class": 100, "n_species": 1}  # as CIFAR-100's


def main(argv: list[str] | None = None) -> None:
    """Measures and writes the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=__doc__,
        epilog="example: python -m benchmarks.scale --variants 1 100",
    )
    parser.add_argument("--variants", type=int, nargs="+", default=VARIANTS, help="variants, at least")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "scale.md", help="file to write")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        table, jobs = of_variants(Path(folder), arguments.variants), of_jobs(Path(folder))
    arguments.page.write_text(page(table, jobs) + kept(arguments.page, KEPT), encoding="utf-8")


def of_variants(folder: Path, numbers: Sequence[int]) -> Table:
    """Measures the pipeline's own work on studies of at least that many variants, all of which have run."""
    table: Table = {name: {} for name in COMMANDS}
    for least in numbers:
        project = folder / f"study_{least}"
        number = write_study(project, least)
        for name, command in COMMANDS.items():
            cost = measure(command, project)
            table[name][number] = cost
            print(f"{number} variants, {name}: {cost.wall:.1f} s", flush=True)
        shutil.rmtree(project)
    return table


def write_study(project: Path, least: int) -> int:
    """Makes a project of at least so many variants, with stand-ins for all results; returns their number."""
    copy_project(project)
    with edited_params(project) as study:
        for seed in range(least - sum(len(study[s]) for s in ("variants", "heads", "fine_tunes"))):
            study["variants"][f"flip_seed_{seed}"] = {"data": "cifar100", "extends": "flip", "seed": seed}
    names = [*study["variants"], *study["heads"], *study["fine_tunes"]]
    write_results(project, names)
    measure(COMMANDS["resolve"], project)
    for out in outputs(project):
        if not out.exists():
            is_file = out.suffix in (".json", ".csv", ".md", ".html", ".npy", ".keras")
            path = out if is_file else out / "result"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}", encoding="utf-8")
    measure(["-m", "dvc", "commit", "--force", "--quiet"], project)
    measure(["-m", "dvc", "repro", "--quiet"], project)
    return len(names)


def write_results(project: Path, names: Sequence[str]) -> None:
    """Copies the results of each variant, or those of `flip` for one that has not run."""
    (project / "metrics").mkdir()
    for name in names:
        found = name if (ROOT / "metrics" / f"{name}.json").exists() else "flip"
        copy(ROOT / "metrics" / f"{found}.json", project / "metrics" / f"{name}.json")
        copy(ROOT / "plots" / "variants" / found, project / "plots" / "variants" / name)


def copy_project(project: Path) -> None:
    """Makes a project of this code, as a git repository."""
    for name in PROJECT:
        copy(ROOT / name, project / name)
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)


@contextmanager
def edited_params(project: Path) -> Iterator[dict[str, Any]]:
    """Yields the content of params.yaml and writes it back."""
    yaml, path = YAML(), project / "params.yaml"
    study = yaml.load(path.read_text(encoding="utf-8"))
    yield study
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(study, file)


def outputs(project: Path) -> Iterator[Path]:
    """Yields all that the pipeline's stages read and write, as DVC resolves dvc.yaml."""
    paths = "[str(x) for stage in Repo().index.stages for x in (*stage.deps, *stage.outs)]"
    program = f"from dvc.repo import Repo; print(*{paths}, sep='\\n')"
    found = subprocess.check_output([sys.executable, "-c", program], cwd=project, text=True)
    yield from (project / line for line in found.splitlines())


def of_jobs(folder: Path) -> dict[int, Cost]:
    """Measures the seven BaseNets, for each number of them at once."""
    project = folder / "jobs"
    copy_project(project)
    write_mirror(project / "mirror", **DATA)
    with edited_params(project) as study:
        study["mirror"] = "mirror"
    measure(["-m", "stages.run", "prepare@cifar100"], project)
    costs = {}
    for jobs in JOBS:
        with edited_params(project) as study:
            study["variants"]["basenet"] |= {"epochs": EPOCHS, "seed": jobs, "seeds": 1}  # all train again
        measure(["-m", "stages.run", "resolve"], project)
        trainings = [f"train@{name}" for name in BASE_NETS]
        costs[jobs] = measure(["-m", "stages.run", "--jobs", str(jobs), *trainings], project)
        print(f"{jobs} at once: {costs[jobs].wall:.1f} s, {costs[jobs].memory / 2**20:.0f} MiB", flush=True)
    return costs


def measure(arguments: Sequence[str], folder: Path) -> Cost:
    """Runs Python with these arguments and returns its cost, with that of processes it waited for.

    Raises:
        RuntimeError: it failed.
    """
    environment = {key: value for key, value in os.environ.items() if key != "DATA_MIRROR"}
    start, memory = time.monotonic(), 0
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, env=environment, stdout=output, stderr=output
        )
        while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            memory = max(memory, memory_of_all(process.pid))
            time.sleep(SAMPLED)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}:\n{output.read()}")
    return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - start, memory)


def memory_of_all(pid: int) -> int:
    """Returns the bytes of a process and all it has started, on Linux.

    What they share counts once, and files that are mapped into memory, which Linux can take back, not at all.
    """
    found = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(OSError):  # it has ended
                lines = Path("/proc", str(each.pid), "smaps_rollup").read_text(encoding="utf-8").splitlines()
                found += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss_Anon:"))
    return found


def page(table: Table, jobs: dict[int, Cost]) -> str:
    """Returns the page's tables, with the exponent of the growth of time."""
    sizes = list(next(iter(table.values())))
    lines = [
        "# Growth",
        "",
        "Written by `python -m benchmarks.scale`: seconds of CPU, and the most memory in MiB of all",
        "processes, of one run each, of a study of so many variants that have all run.",
        f"Machine: {machine()}.",
        "",
        "The exponent is of the time between the two largest studies: 1 is linear, less is sublinear.",
        "",
        f"| | {' | '.join(map(str, sizes))} | exponent |",
        f"|{' --- |' * (len(sizes) + 2)}",
    ]
    for name, costs in table.items():
        cells = [f"{cost.cpu:.1f} s, {cost.memory / 2**20:.0f}" for cost in costs.values()]
        lines.append(f"| {name} | {' | '.join(cells)} | {exponent(costs)} |")
    lines += ["", f"The seven BaseNets, {EPOCHS} epochs each, so many at once:", ""]
    lines += ["| `--jobs` | seconds | seconds of CPU | MiB |", "| ---: | ---: | ---: | ---: |"]
    lines += [f"| {n} | {c.wall:.0f} | {c.cpu:.0f} | {c.memory / 2**20:.0f} |" for n, c in jobs.items()]
    return "\n".join(lines) + "\n"


def exponent(costs: dict[int, Cost]) -> str:
    """Returns the exponent of the growth of time between the two largest studies; "" for one."""
    if len(costs) < 2:
        return ""
    (small, before), (large, after) = list(costs.items())[-2:]
    return f"{math.log(after.cpu / before.cpu) / math.log(large / small):.2f}"


if __name__ == "__main__":
    run(main)
