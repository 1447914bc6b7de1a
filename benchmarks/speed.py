"""Times training against the report's own way, Keras' `fit` and PyTorch, and writes docs/speed.md.

It needs the real data, prepared by `dvc repro`, and an idle machine. The ways of a case are processes that
take turns, so that a machine that slows down slows all of them.
"""

import argparse
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from stages.runtime.errors import InputError, run

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "speed.md"
REPETITIONS = 5
KEPT = "\n## What it comes to\n"  # where the text that a person wrote begins


class Case(NamedTuple):
    """What is timed.

    Attributes:
        stage: train, train_head or fine_tune.
        steps: of a repetition, batches of 32.
        peers: the ways it is compared with.
    """

    stage: str
    steps: int
    peers: tuple[str, ...]


BASE_NETS = ("basenet", "normalised", "zoom_20", "zoom_30", "zoom_50", "flip", "flip_zoom_20")
CASES = {
    "basenet": Case("train", 96, ("report",)),
    "normalised": Case("train", 96, ("report", "fit", "torch")),
    **{name: Case("train", 96, ("plain", "report")) for name in BASE_NETS[2:]},
    "final": Case("train", 16, ("report", "fit", "torch")),
    "linear_head": Case("train_head", 80, ("fit", "fit_through")),
    "mlp_head": Case("train_head", 80, ("fit", "fit_through")),
    "conv_head": Case("train_head", 8, ("fit", "fit_through")),
    "fine_tuned": Case("fine_tune", 3, ("fit",)),
}
WAYS = {
    "here": "here, one thread",
    "two": "here, two at once",
    "plain": "here, one thread, without augmentation",
    "report": "the report's way: `ImageDataGenerator` and `fit`",
    "fit": "Keras' `fit` on arrays, all settings at their default",
    "fit_through": "Keras' `fit`, the frozen backbone inside the network",
    "torch": "PyTorch, the same network, all cores",
}
HEADER = "| way | seconds per epoch | against two at once |\n| --- | ---: | ---: |\n"
WORKER = (sys.executable, "-m", "benchmarks.speed_worker")
Seconds = dict[str, list[float]]  # way -> of each repetition


def main(argv: list[str] | None = None) -> None:
    """Times the cases and writes the page."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description=__doc__,
        epilog="example: python -m benchmarks.speed normalised final --page /tmp/speed.md",
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"default: all of {', '.join(CASES)}")
    parser.add_argument("--page", type=Path, default=PAGE, help="file to write; default: docs/speed.md")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS, help=f"default: {REPETITIONS}")
    arguments = parser.parse_args(argv)
    names = arguments.cases or list(CASES)
    if unknown := set(names) - set(CASES):
        raise InputError(f"unknown case {', '.join(sorted(unknown))}; expected some of {', '.join(CASES)}")
    peak = together("peak", "", ["here", "two"], arguments.repetitions)
    results, flop = {}, {}
    for name in names:
        ways = ["here", "two", *(way for way in CASES[name].peers if is_installed(way))]
        flop[name] = float(subprocess.check_output([*WORKER, "flop", "here", name], cwd=ROOT))
        results[name] = together("epoch", name, ways, arguments.repetitions)
        print(name, {way: round(statistics.median(seconds), 2) for way, seconds in results[name].items()})
        text = page(results, peak, flop) + kept(arguments.page, KEPT)
        arguments.page.write_text(text, encoding="utf-8")  # what there is, if it is stopped


def is_installed(way: str) -> bool:
    """Returns whether a peer can run, and says where it cannot."""
    if way == "torch" and not importlib.util.find_spec("torch"):
        print(
            "note: PyTorch is not installed and left out; `uv run --extra torch` brings it", file=sys.stderr
        )
        return False
    return True


def together(what: str, name: str, ways: Sequence[str], repetitions: int) -> Seconds:
    """Times ways of one case in turns; of two at once, half the seconds of the slower one."""
    seconds: Seconds = {way: [] for way in ways}
    with started(what, name, ways) as workers:
        for _ in range(repetitions):
            for way in ways:
                found = answers(workers[way])
                seconds[way].append(max(found) / len(found))
    return seconds


@contextmanager
def started(what: str, name: str, ways: Sequence[str]) -> Iterator[dict[str, list[subprocess.Popen[str]]]]:
    """Starts a process per way, one after another, and two for two at once; ends them."""
    workers: dict[str, list[subprocess.Popen[str]]] = {way: [] for way in ways}
    try:
        for way in ways:
            for _ in range(2 if way == "two" else 1):
                process = subprocess.Popen(
                    [*WORKER, what, "here" if way == "two" else way, name],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                workers[way].append(process)
                answers([process])  # its first repetition builds graphs, and does not count
        yield workers
    finally:
        for process in [process for processes in workers.values() for process in processes]:
            process.kill()
            process.wait()


def answers(processes: Sequence[subprocess.Popen[str]]) -> list[float]:
    """Has processes compute a repetition at the same time and returns the seconds of each."""
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    lines = [process.stdout.readline() for process in processes]
    if not all(lines):
        raise InputError("a measurement failed, see above")
    return [float(line) for line in lines]


def page(results: dict[str, Seconds], peak: Seconds, flop: dict[str, float]) -> str:
    """Returns the page: a table per case.

    Args:
        results: by case.
        peak: seconds of a product of two 1024x1024 matrices.
        flop: floating-point operations of an epoch of each case.
    """
    one, two = (2 * 1024**3 / statistics.median(peak[way]) / 1e9 for way in ("here", "two"))
    parts = [
        "# Speed\n\nWritten by `python -m benchmarks.speed`: seconds per epoch, median and range of"
        f" {len(peak['here'])} repetitions\nthat take turns, scaled from a part of the epoch; of two at once,"
        " half the time of both.\n\n"
        f"Machine: {machine()}.\nPeak, measured by a product of two 1024x1024 matrices in float32:"
        f" {one:.0f} GFLOP/s on one thread, {two:.0f} by two processes.\n"
    ]
    for name, seconds in results.items():
        parts.append(f"\n## `{name}`\n\n{HEADER}")
        base = statistics.median(seconds["two"])
        for way, values in seconds.items():
            median = statistics.median(values)
            parts.append(
                f"| {WAYS[way]} | {median:.2f} ({min(values):.2f}-{max(values):.2f}) |"
                f" {ratio(values, seconds['two'])} |\n"
            )
        share = flop[name] / base / (2 * 1024**3 / statistics.median(peak["two"]))
        parts.append(
            f"\nAn epoch is {flop[name] / 1e9:,.0f} GFLOP of convolutions and dense layers; two at once reach"
            f" {share:.0%} of the peak.\n"
        )
        if "plain" in seconds:
            parts.append(
                f"Augmentation makes it {ratio(seconds['here'], seconds['plain'])} times as long, on one"
                " thread.\n"
            )
    if set(BASE_NETS) <= set(results):
        report, two_at_once = (
            sum(statistics.median(results[name][way]) for name in BASE_NETS) for way in ("report", "two")
        )
        parts.append(
            f"\n## The seven variants of BaseNet\n\nAn epoch of each: the report's way, one after another,"
            f" {report:.1f} s; here, two at once, {two_at_once:.1f} s:"
            f" {report / two_at_once:.1f} times as fast.\n"
        )
    return "".join(parts)


def ratio(seconds: Sequence[float], others: Sequence[float]) -> str:
    """Returns the ratio of two medians, and the range of those of each repetition."""
    each = [value / other for value, other in zip(seconds, others, strict=True)]
    return f"{statistics.median(seconds) / statistics.median(others):.2f} ({min(each):.2f}-{max(each):.2f})"


def kept(path: Path, heading: str) -> str:
    """Returns what a person wrote on a page: all from this heading on, if it is there."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return "".join(text.partition(heading)[1:])


def machine() -> str:
    """Returns processor, cores and versions."""
    cpu = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        lines = [
            line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")
        ]
        cpu = lines[0].partition(":")[2].strip()
    packages = " and ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras"))
    return f"{cpu}, {len(os.sched_getaffinity(0))} cores, {packages}"


if __name__ == "__main__":
    run(main)
