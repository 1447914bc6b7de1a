"""Kills real stages at random moments and compares what they end in.

A training and an extraction of features run as `dvc repro` runs them, over and over. Each is killed
(SIGKILL at any moment, while a checkpoint is written, while the results are written) or asked to end
(SIGTERM, SIGINT), and started again. In the end it must leave the bytes of a run that nothing
disturbed; no epoch that was announced may be trained again, and one that was asked to end must resume
after its very last step.
"""

import itertools
import os
import random
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmarks import processes
from benchmarks.studies import THREADS, hashes, write_dataset, write_json, write_resolved
from stages.runtime import resolved
from stages.runtime.atomic import remove

PROGRESS = re.compile(r"tiny: (?:resuming after |stopped after |)(?:the start|epoch (\d+))(?:, step (\d+))?")
STOPS = {"SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
KILLS = ("SIGKILL", "SIGKILL while it writes a checkpoint", "SIGKILL while it writes its results")


@dataclass(frozen=True)
class Stage:
    """A stage to kill: module, arguments, what it makes, where results and progress are written."""

    module: str
    arguments: tuple[str, ...]
    out: Path
    results: Path
    checkpoint: Path


STAGES = (
    Stage(
        "stages.train",
        ("tiny.json", "data/images", "models/tiny"),
        Path("models/tiny"),
        Path(".checkpoints/models/tiny/seed-0"),
        Path(".checkpoints/models/tiny/seed-0.npz"),
    ),
    Stage(
        "stages.cache_features",
        ("features.json", "data/images/images.npy", "backbone/backbone.keras", "features/tiny"),
        Path("features/tiny"),
        Path("features/tiny"),
        Path(".checkpoints/features/tiny/done.json"),
    ),
)


def write_study(folder: Path) -> None:
    """Writes what both stages read: 605 images, so that last batches are smaller, six epochs, a backbone."""
    write_dataset(folder / "data/images", n=605, size=24)
    network = {
        "base_net": {"filters": [8], "dense_units": [], "block_dropout": [0.5], "batch_norm": "before"}
    }
    augmentation = [["flip", True]]
    write_resolved(folder / "tiny.json", epochs=6, network=network, augmentation=augmentation, ema=0.9)
    processes.call("benchmarks.backbone", ("backbone/backbone.keras",), folder, folder / "log")
    write_json(folder / "backbone/manifest.json", {"sha256": hashes(folder / "backbone")})
    knobs = {"threads": THREADS, "batch_size": 4, "image_size": 24}
    resolved.write(folder / "features.json", "cache_features", knobs, ("stages.pooling.average",))


def survive(stage: Stage, folder: Path, *, kills: int, seed: int) -> list[str]:
    """Kills a stage so often, in as many runs as that takes, and checks what each run ends in.

    Args:
        stage: what to run.
        folder: a study, as `write_study` makes it; `log` there is that of the last process.
        kills: how many.
        seed: of their kinds and moments.

    Returns:
        How the stage was killed each time, one of KILLS and STOPS.

    Raises:
        AssertionError: a run ended in other bytes, or did again what it had said was done.
    """
    rng = random.Random(seed)
    done: list[str] = []
    processes.call(stage.module, stage.arguments, folder, folder / "log")
    undisturbed = hashes(folder / stage.out, "**/*.*")
    duration = _duration(stage, folder)
    while len(done) < kills:
        _forget(stage, folder)
        done += itertools.islice(_one_run(stage, folder, rng, duration), kills - len(done))
        processes.call(
            stage.module, stage.arguments, folder, folder / "log"
        )  # changes nothing if it had ended
        assert hashes(folder / stage.out, "**/*.*") == undisturbed, f"other bytes, seed {seed}, after {done}"
        left = [path for path in folder.rglob("*") if path.suffix in (".partial", ".lock")]
        left = [path for path in left if path.parent.name != "cores"]
        assert left == [], f"{left} after a run that ended well"
    return done


def _duration(stage: Stage, folder: Path) -> float:
    """Returns the seconds of an undisturbed run in a process that has Keras already."""
    _forget(stage, folder)
    began = time.monotonic()
    processes.call(stage.module, stage.arguments, folder, folder / "log")
    return time.monotonic() - began


def _forget(stage: Stage, folder: Path) -> None:
    remove(folder / ".checkpoints")
    remove(folder / stage.out)


def _one_run(stage: Stage, folder: Path, rng: random.Random, duration: float) -> Iterator[str]:
    """Starts the stage until it ends by itself; yields how it was killed on the way."""
    said = (0, 0)
    while True:
        (how,) = rng.choices([*KILLS, *STOPS], weights=[4, 2, 1, 2, 2])
        number = STOPS.get(how, signal.SIGKILL)
        process = processes.start(stage.module, stage.arguments, folder, folder / "log")
        _await_moment(how, stage, folder, process, rng, duration)
        if process.is_alive():
            os.kill(process.pid, number)
        process.join()
        said = _checked(folder / "log", said)
        if process.exitcode == 0:
            return
        assert process.exitcode in (128 + number, -number), (folder / "log").read_text(encoding="utf-8")
        yield how


def _await_moment(
    how: str, stage: Stage, folder: Path, process: BaseProcess, rng: random.Random, duration: float
) -> None:
    """Waits for the moment of the kill, or until the process has ended without it."""
    until = time.monotonic() + rng.uniform(0, duration)
    writes = stage.checkpoint if how == KILLS[1] else stage.results
    partial = folder / writes.parent / f".{writes.name}.partial"
    while process.is_alive():
        is_handling = how not in STOPS or "running on" in _text(folder / "log")
        is_writing = how not in KILLS[1:] or partial.exists()
        is_time = how == KILLS[2] or time.monotonic() > until
        if is_handling and is_writing and is_time:
            time.sleep(rng.uniform(0, 0.003))
            return


def _checked(log: Path, said: tuple[int, int]) -> tuple[int, int]:
    """Returns the last (epoch, step) a training said was done; checks that it began there."""
    found = [(int(epoch or 0), int(step or 0)) for epoch, step in PROGRESS.findall(_text(log))]
    if found:
        assert found[0] >= said, f"resumed after {found[0]}, {said} was done"
    return max([said, *found])


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
