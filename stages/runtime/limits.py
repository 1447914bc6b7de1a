"""The cores that this process may use: those of the machine, or what a task on a cluster was given."""

import os

from dvc_parallel import machine

CORES = "STUDY_CORES"  # variable that says how many cores a task on a cluster was given


def cores() -> int:
    """Returns the cores that this process may use."""
    n = machine.cores()
    return min(n, int(os.environ.get(CORES, n)))
