"""Commands in processes of their own, forked from one that has imported Keras, which saves seconds."""

import importlib
import multiprocessing
import os
import signal
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

from stages.runtime import errors

ROOT = Path(__file__).parent.parent
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    ["stages.training.runs", "stages.training.building", "stages.training.fine_tuning", "pandas"]
)


def start(module: str, arguments: tuple[str, ...], folder: Path, log: Path) -> BaseProcess:
    """Starts `python -m MODULE ARGUMENTS >LOG 2>&1` in a folder.

    Args:
        module: whose `main` the process runs.
        arguments: of the command.
        folder: to run in.
        log: what it prints.
    """
    os.environ["PYTHONPATH"] = str(ROOT)  # for the server, which starts with the first process
    log.unlink(missing_ok=True)  # a process that is killed at once says nothing
    process = SERVER.Process(target=_run, args=(module, arguments, folder, log))
    process.start()
    return process


def call(module: str, arguments: tuple[str, ...], folder: Path, log: Path) -> str:
    """Runs such a command to its end and returns what it printed.

    Raises:
        RuntimeError: it failed.
    """
    process = start(module, arguments, folder, log)
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{module} ended with {process.exitcode}:\n{log.read_text()}")
    return log.read_text()


def _run(module: str, arguments: tuple[str, ...], folder: Path, log: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where this runs in the background
    os.chdir(folder)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    sys.argv = [module, *arguments]
    errors.run(importlib.import_module(module).main)
