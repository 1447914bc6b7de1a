"""The cores and the memory that this process may use, within a container, too."""

import math
import os
from contextlib import suppress
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
CORES = "STUDY_CORES"  # variable that says how many cores a task on a cluster was given


def cores() -> int:
    """Returns the cores that this process may use."""
    n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):  # "max 100000" where there is no limit
        quota, period = (CGROUP / "cpu.max").read_text().split()
        n = min(n, math.ceil(int(quota) / int(period)))
    return min(n, int(os.environ.get(CORES, n)))


def free_memory() -> float:
    """Returns the bytes that are free."""
    free = psutil.virtual_memory().available
    for limit, used, cached in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        with suppress(OSError, ValueError, KeyError):
            stat = (CGROUP / used).with_name("memory.stat").read_text().split()
            cache = int(dict(zip(stat[::2], stat[1::2], strict=True))[cached])
            held = int((CGROUP / used).read_text()) - cache
            free = min(free, int((CGROUP / limit).read_text()) - held)
    return free
