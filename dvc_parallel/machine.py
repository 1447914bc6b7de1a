"""What the machine offers: cores, memory and GPUs; and whether another stage still fits."""

import itertools
import math
import os
import subprocess
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from dvc_parallel.errors import UserError

CGROUP = Path("/sys/fs/cgroup")  # limits of a container
GPU_MEMORY = 8e9  # bytes that a stage gets


@dataclass(frozen=True)
class Need:
    """What a stage takes."""

    threads: int
    memory: float  # bytes
    gpu: bool = False
    mutex: frozenset[str] = frozenset()  # what no two may have at once


@dataclass(frozen=True)
class Running:
    """What a stage that runs was given."""

    need: Need
    pid: int | None
    gpu: str | None


@dataclass(frozen=True)
class Machine:
    """What may be used."""

    cores: int
    gpus: Mapping[str, int] = field(default_factory=dict)  # name -> stages that it takes at once
    jobs: int | None = None  # stages at once; None for as many as there are cores for

    def has_room(self, need: Need, running: Collection[Running]) -> bool:
        """Returns whether cores and memory are free for another stage; one may always run."""
        if not running:
            return True
        used = sum(other.need.threads for other in running)
        if len(running) >= self.jobs if self.jobs else used >= self.cores:
            return False
        growth = sum(max(0.0, other.need.memory - _resident(other.pid)) for other in running)
        return need.memory <= free_memory() - growth

    def first_fitting(self, needs: Mapping[str, Need], running: Collection[Running]) -> str | None:
        """Returns which stage starts next, the most urgent first; less urgent ones do not take its room."""
        for name, need in needs.items():
            if not self.has_room(need, running):
                return None
            if not (need.gpu and self.gpus) or self.free_gpu(running) is not None:
                return name
        return None

    def free_gpu(self, running: Collection[Running]) -> str | None:
        """Returns the GPU with the most room for another stage; None if none has room."""
        used = Counter(other.gpu for other in running)
        free = {name: slots - used[name] for name, slots in self.gpus.items() if slots > used[name]}
        return max(free, key=free.__getitem__, default=None)


def machine(jobs: int | None = None) -> Machine:
    """Returns this machine.

    Args:
        jobs: stages at once, the option --jobs; None for as many as there is room for.

    Raises:
        UserError: jobs is below 1.
    """
    if jobs is not None and jobs < 1:
        raise UserError(f"--jobs is {jobs}, expected 1 or more: how many stages run at once")
    return Machine(cores(), gpus(), jobs)


def cores() -> int:
    """Returns the cores that this process may use, within a container (cgroup v2), too."""
    n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # "max 100000" where there is no limit
        quota, period = (CGROUP / "cpu.max").read_text().split()
        n = min(n, math.ceil(int(quota) / int(period)))
    return n


def free_memory() -> float:
    """Returns the bytes that are free, within a container (cgroup v2), too."""
    free = psutil.virtual_memory().available
    with suppress(OSError, ValueError):  # "max" where there is no limit
        stat = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        held = int((CGROUP / "memory.current").read_text()) - int(stat["inactive_file"])
        free = min(free, int((CGROUP / "memory.max").read_text()) - held)
    return free


def gpus() -> dict[str, int]:
    """Returns the NVIDIA GPUs that CUDA may use, and for how many stages each has memory."""
    query = ["nvidia-smi", "--query-gpu=index,uuid,memory.total", "--format=csv,noheader,nounits"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):  # there is none
        return {}
    rows = [line.split(", ") for line in listed.splitlines()]
    sizes = [int(mib) * 2**20 if mib.isdigit() else 0 for *_, mib in rows]  # "[N/A]" where the CPU shares it
    slots = {}
    for (index, uuid, _), size in zip(rows, sizes, strict=True):
        slots[index] = slots[uuid] = max(1, int(size // GPU_MEMORY))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [uuid for _, uuid, _ in rows] if visible is None else map(str.strip, visible.split(","))
    return {name: slots[name] for name in itertools.takewhile(slots.__contains__, names)}  # as CUDA reads it


def _resident(pid: int | None) -> float:
    """Returns the bytes that a process and all it has started hold."""
    if pid is None:
        return 0.0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))
    return 0.0
