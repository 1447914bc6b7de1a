"""Measures how time and memory grow with variants and images, and writes docs/scale.md.

Images are generated: what is measured is growth, not a network. Results of stages are stand-ins of a few
bytes where only the pipeline's own work is timed.
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
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML

from benchmarks.speed import machine
from stages.demo.__main__ import PROJECT, copy
from stages.demo.mirror import write_checksums, write_mirror
from stages.execution.fork_server import KIB
from stages.runtime.errors import run

ROOT = Path(__file__).parent.parent
VARIANTS = (26, 100, 300, 1000)
CLASSES = {  # 500 images of each to train and 100 to test, as in CIFAR-100
    f"{n} classes": {"n_classes": n, "train_per_class": 500, "test_per_class": 100, "n_species": 1}
    for n in (25, 50, 100)
}
BIRDS = {  # CUB-200 has 6,033
    f"{n} x 6,000 images": {
        **{"n_classes": 1, "train_per_class": 10, "test_per_class": 10},
        **{"n_species": 100, "train_per_species": 30 * n, "test_per_species": 30 * n},
    }
    for n in (1, 3, 10)
}
COMMANDS = {
    "resolve": ["-m", "stages.resolve", "params.yaml", "data/resolved"],
    "dvc status": ["-m", "dvc", "status", "--quiet"],
    "run --dry": ["-m", "stages.run", "--dry"],
    "run, nothing to do": ["-m", "stages.run"],
    "dvc repro, nothing to do": ["-m", "dvc", "repro", "--quiet"],
}


class Cost(NamedTuple):
    """What a command took: seconds of CPU and of the wall clock, and bytes at most."""

    cpu: float
    wall: float
    memory: float


Table = dict[str, dict[str, Cost]]  # what -> how many -> cost


def main(argv: list[str] | None = None) -> None:
    """Measures and writes the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description=__doc__,
        epilog="example: python -m benchmarks.scale --variants 26 100",
    )
    parser.add_argument("--variants", type=int, nargs="+", default=VARIANTS, help="numbers of variants")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "scale.md", help="file to write")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        tables = [of_variants(Path(folder), arguments.variants), *of_images(Path(folder))]
    arguments.page.write_text(page(tables), encoding="utf-8")


def of_variants(folder: Path, numbers: Sequence[int]) -> Table:
    """Measures the pipeline's own work on studies of so many variants, all of which have run."""
    table: Table = {name: {} for name in COMMANDS}
    for number in numbers:
        project = folder / f"study_{number}"
        write_study(project, number)
        for name, command in COMMANDS.items():
            cost = measure(command, project)
            table[name][str(number)] = cost
            print(f"{number} variants, {name}: {cost.wall:.1f} s", flush=True)
        shutil.rmtree(project)
    return table


def write_study(project: Path, number: int) -> None:
    """Makes a project of so many variants with a result of a few bytes for each stage, all recorded."""
    for name in PROJECT:
        copy(ROOT / name, project / name)
    yaml_ = YAML()
    study = yaml_.load((project / "params.yaml").read_text(encoding="utf-8"))
    for seed in range(number - sum(len(study[s]) for s in ("variants", "heads", "fine_tunes"))):
        study["variants"][f"flip_seed_{seed}"] = {"data": "cifar100", "extends": "flip", "seed": seed}
    with (project / "params.yaml").open("w", encoding="utf-8") as file:
        yaml_.dump(study, file)
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    measure(COMMANDS["resolve"], project)
    for out in outputs(project):
        if not out.exists():
            is_file = out.suffix in (".json", ".csv", ".md", ".html", ".npy", ".keras")
            path = out if is_file else out / "result"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}", encoding="utf-8")
    measure(["-m", "dvc", "commit", "--force", "--quiet"], project)
    measure(["-m", "dvc", "repro", "--quiet"], project)


def outputs(project: Path) -> Iterator[Path]:
    """Yields all that the pipeline's stages read and write, as DVC resolves dvc.yaml."""
    paths = "[str(x) for stage in Repo().index.stages for x in (*stage.deps, *stage.outs)]"
    program = f"from dvc.repo import Repo; print(*{paths}, sep='\\n')"
    found = subprocess.check_output([sys.executable, "-c", program], cwd=project, text=True)
    yield from (project / line for line in found.splitlines())


def of_images(folder: Path) -> Iterator[Table]:
    """Measures preparing and an epoch of training with more and more images."""
    project = folder / "images"
    for name in PROJECT:
        copy(ROOT / name, project / name)
    (project / "mirror").mkdir()
    for tables, key, sizes in (
        ({"prepare cifar100": {}, "train an epoch of flip": {}}, "cifar100", CLASSES),
        ({"prepare cub200": {}}, "cub200", BIRDS),
    ):
        for size, settings in sizes.items():
            shutil.rmtree(project / "mirror")
            write_mirror(project / "mirror", **settings)
            write_checksums(project / "mirror")
            set_sizes(project, settings["n_classes"])
            measure(COMMANDS["resolve"], project)
            measure(
                ["-m", "stages.download", f"data/resolved/download/{key}.json", f"data/archives/{key}"],
                project,
            )
            for name, cost in zip(tables, learn(project, key), strict=False):
                tables[name][size] = cost
                print(f"{size}, {name}: {cost.wall:.1f} s, {cost.memory / 2**20:.0f} MiB", flush=True)
        yield tables


def set_sizes(project: Path, n_classes: int) -> None:
    """Sets one epoch, and so many classes of CIFAR-100."""
    yaml = YAML()
    path = project / "params.yaml"
    study = yaml.load(path.read_text(encoding="utf-8"))
    study["mirror"] = "mirror"
    study["datasets"]["cifar100"]["classes"] = list(range(n_classes))
    study["variants"]["flip"]["epochs"] = 1
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(study, file)


def learn(project: Path, key: str) -> Iterator[Cost]:
    """Yields the cost of preparing a dataset and, of CIFAR-100, of training on it."""
    resolved = f"data/resolved/prepare/{key}.json"
    yield measure(["-m", "stages.prepare", resolved, f"data/{key}", f"data/provenance/{key}.json"], project)
    if key == "cifar100":
        yield measure(
            ["-m", "stages.train", "data/resolved/train/flip.json", "data/cifar100", "models/flip"], project
        )


def measure(arguments: Sequence[str], folder: Path) -> Cost:
    """Runs Python with these arguments and returns its cost, with that of processes it waited for.

    Raises:
        RuntimeError: it failed.
    """
    environment = {key: value for key, value in os.environ.items() if key != "DATA_MIRROR"}
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}:\n{output}")
    return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss * KIB)


def page(tables: Sequence[Table]) -> str:
    """Returns the page: a table per kind of growth, with the exponent of the growth of time."""
    parts = [
        "# Growth\n\nWritten by `python -m benchmarks.scale`: seconds of CPU, and the most memory in MiB,"
        f" of one run each.\nImages are generated. Machine: {machine()}.\n\nThe exponent is of the time"
        " between the two largest sizes: 1 is linear, less is sublinear.\n"
    ]
    for table in tables:
        sizes = list(next(iter(table.values())))
        parts.append(f"\n| | {' | '.join(sizes)} | exponent |\n|{' --- |' * (len(sizes) + 2)}\n")
        for name, costs in table.items():
            cells = [f"{cost.cpu:.1f} s, {cost.memory / 2**20:.0f}" for cost in costs.values()]
            parts.append(f"| {name} | {' | '.join(cells)} | {exponent(costs)} |\n")
    return "".join(parts)


def exponent(costs: dict[str, Cost]) -> str:
    """Returns the exponent of the growth of time between the two largest sizes; "" for one size."""
    if len(costs) < 2:
        return ""
    (small, before), (large, after) = [(int(size.split()[0]), cost) for size, cost in costs.items()][-2:]
    return f"{math.log(after.cpu / before.cpu) / math.log(large / small):.2f}"


if __name__ == "__main__":
    run(main)
