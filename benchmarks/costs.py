"""What it costs to train each variant on this machine: python -m benchmarks.costs [VARIANT...].

A few steps of each training are computed by the stage's own code, in a process of its own, and its seconds
an epoch follow from them. On a CPU they are seconds of one core, so that other work on the machine disturbs
them little; on a GPU they are seconds on the clock. Needs what the trainings read: run it in the study.
"""

import importlib
import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import tables
from benchmarks.speed import machine
from stages.runtime.atomic import replacing
from stages.runtime.errors import run
from stages.study import inheritance, items

if TYPE_CHECKING:
    from stages.training.runs import Variant

TABLE, PAGE = Path("docs/costs.csv"), Path("docs/costs.md")
COLUMNS = ("variant", "group", "epochs", "seeds", "seconds_per_epoch", "hours", "machine")
LEAST_S, LEAST_STEPS = 5.0, 3
TOP = """# What the study costs

Written by `python -m benchmarks.costs`: a few steps of each training, by the stage's own code. On a CPU,
hours are those of one core: two cores train two networks at once, in about half the time. Heads fitted as
convex problems take minutes and are left out, as are features, evaluation and the page.
"""


def main() -> None:
    """Measures variants, all by default, and writes the table."""
    if sys.argv[1:2] == ["--one"]:
        print(worker(*sys.argv[2:]))
        return
    content = items.load(Path("params.yaml"))
    groups = {name: group for group in items.TRAINERS for name in content[group]}
    known = {row["variant"]: row for row in tables.read(TABLE) if row["variant"] in groups}
    for name in sys.argv[1:] or groups:
        knobs = inheritance.resolved(name, groups[name], content)[0]
        if knobs.get("trainer", "sgd") == "sgd":
            print(name, flush=True)
            seconds = float(
                subprocess.check_output(command(name, groups[name], content), text=True).split()[-1]
            )
            known[name] = row(name, groups[name], knobs, seconds)
    rows = [known[name] for name in groups if name in known]
    tables.write(TABLE, COLUMNS, rows)
    with replacing(PAGE) as partial:
        partial.write_text(page(rows), encoding="utf-8")


def command(name: str, group: str, content: dict) -> list[str]:
    """Returns the command that measures a variant: its stage and that stage's arguments."""
    stage, entry = items.TRAINERS[group], content[group][name]
    data = {
        "variants": [f"data/{entry['data']}"],
        "heads": [f"data/splits/{entry['data']}", f"data/features/{entry['data']}"],
        "fine_tunes": [f"data/{entry['data']}", f"models/{entry.get('starts_from')}"],
    }[group]
    module = [sys.executable, "-m", "benchmarks.costs", "--one", stage]
    return [*module, f"data/resolved/{stage}/{name}.json", *data, f"models/{name}"]


def worker(stage: str, *arguments: str) -> float:
    """Returns the seconds of an epoch, measured where the stage would train its first seed."""
    from stages.runtime import keras_import

    keras_import.load()
    from stages.training import runs

    seconds = []
    runs.run = lambda variant, folder: seconds.append(seconds_per_epoch(variant))
    importlib.import_module(f"stages.{stage}").main(list(arguments))
    return seconds[0]


def seconds_per_epoch(variant: "Variant") -> float:
    """Returns how long an epoch of a variant takes, from a few of its steps."""
    from stages.training import backend, epoch, plan, session
    from stages.training.fitting import TrainingRun

    model = variant.build(variant.seeds[0]).trained
    about = {"checkpoint": Path("none"), "fingerprint": "", "has_views": variant.has_views}
    training = session.prepare(
        TrainingRun(variant.name, 0, model, variant.data, variant.resolved.knobs, **about)
    )
    advance = training.step_function()
    epoch.warm_up(training, advance)
    clock: Callable[[], float] = time.process_time
    if backend.device().startswith("gpu"):
        clock = time.perf_counter
    drawn = epoch._plan(training, training.train_rows, 0, 1)
    steps, start = 0, clock()
    for chunk in plan.chunks(drawn, variant.data.inputs, variant.data.labels, training.epochs.batch_size):
        advance(chunk, *training.rates(np.arange(steps, steps + len(chunk.inputs))))
        steps += len(chunk.inputs)
        if steps >= LEAST_STEPS and clock() - start > LEAST_S:
            break
    return (clock() - start) / steps * training.steps_per_epoch


def row(name: str, group: str, knobs: dict, seconds: float) -> dict[str, str]:
    """Returns a variant's row of the table; hours are those of all its seeds and epochs."""
    seeds = knobs.get("seeds", 1)
    hours = seconds * knobs["epochs"] * seeds / 3600
    values = (name, group, knobs["epochs"], seeds, f"{seconds:.2f}", f"{hours:.2f}", machine())
    return dict(zip(COLUMNS, map(str, values), strict=True))


def page(rows: Sequence[dict[str, str]]) -> str:
    """Returns the table and its sum, for each machine that was measured on."""
    parts = [TOP]
    for where in dict.fromkeys(row["machine"] for row in rows):
        measured = [row for row in rows if row["machine"] == where]
        total = math.fsum(float(row["hours"]) for row in measured)
        parts.append(f"\n## {where}\n\n| variant | epochs | seeds | seconds an epoch | hours, all seeds |\n")
        parts.append("| --- | ---: | ---: | ---: | ---: |\n")
        for row in measured:
            values = [row[key] for key in ("epochs", "seeds", "seconds_per_epoch", "hours")]
            parts.append(f"| `{row['variant']}` | {' | '.join(values)} |\n")
        parts.append(f"| all | | | | {total:.1f} |\n")
    return "".join(parts)


if __name__ == "__main__":
    run(main)
