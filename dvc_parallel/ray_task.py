"""What runs in a Ray worker. It travels by value; the node needs Python, Ray, DVC and what the stages import.

A stage runs by `dvc repro --single-item --pull` in a folder of its own, with the files in git and home's
dvc.lock. FOLDER/cache is DVC's cache, for all stages of the node; FOLDER is $DVC_PARALLEL_FOLDER or
~/.cache/dvc-parallel.
"""

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

LOOK_S = 0.5
CHUNK = 2**20  # bytes of a log at a time
# `dvc repro`, then `dvc push`, in one process; if the worker dies, so do both and the stage's command.
PROGRAM = """
import os, signal, sys, threading, time
from dvc.cli import main

def watch(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os.killpg(0, signal.SIGTERM)

signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # which Ray blocks in its workers
signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Thread(target=watch, args=(os.getppid(),), daemon=True).start()
name = sys.argv[1]
sys.exit(main(["repro", "--single-item", "--pull", name]) or main(["push", "--quiet", name]))
"""
CONFIG = """[core]
    no_scm = true
    analytics = false
    remote = "{name}"
    site_cache_dir = "{work}/site"
[cache]
    dir = "{node}/cache"
['remote "{name}"']
    url = "{url}"
"""


class Errand(NamedTuple):
    """A stage to run."""

    name: str
    key: str  # hash of its command and inputs
    locks: dict[str, str]  # each dvc.lock at home, path -> text
    remote: dict[str, str]  # name and URL of the DVC remote
    folder: str  # of the project within its git repository
    resumes_from: str  # folder of the project from which an interrupted stage resumes; "" for none
    checkpoints: str  # folder that nodes share; "" for one of the node's own
    environment: dict[str, str]  # variables that the stage gets


class Desk:
    """Where nodes report what stages print, and hear of signals: an actor at home."""

    def __init__(self) -> None:
        """Opens it."""
        self._news: list[tuple[str, bytes]] = []
        self._signal = 0

    def report(self, name: str, text: bytes) -> int:
        """Takes what a stage has printed; returns the signal that all stages are to get, or 0."""
        self._news.append((name, text))
        return self._signal

    def news(self) -> list[tuple[str, bytes]]:
        """Returns what stages have printed since the last call."""
        news, self._news = self._news, []
        return news

    def end(self, number: int) -> None:
        """Passes a signal on."""
        self._signal = number


def run(errand: Errand, archive: bytes, desk: Any) -> dict[str, Any]:
    """Runs a stage on this node, see `carry_out`; reports to the desk."""
    import ray

    def report(text: bytes) -> int:
        try:
            return ray.get(desk.report.remote(errand.name, text))
        except ray.exceptions.RayError:  # home is gone
            return signal.SIGTERM

    return carry_out(errand, archive, report)


def carry_out(errand: Errand, archive: bytes, report: Callable[[bytes], int]) -> dict[str, Any]:
    """Runs a stage on this node.

    Args:
        errand: the stage.
        archive: the files in git.
        report: takes what the stage prints, returns the signal that it is to get, or 0.

    Returns:
        code, seconds, memory: as of a process.
        locks: each dvc.lock after the stage, path -> text.
    """
    began = time.monotonic()
    report(f"runs on {socket.gethostname()}\n".encode())
    node = Path(os.environ.get("DVC_PARALLEL_FOLDER") or Path.home() / ".cache" / "dvc-parallel")
    (node / "work").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=node / "work", ignore_cleanup_errors=True) as name:
        work = Path(name)
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(work / "tree", filter="data")
        project = work / "tree" / errand.folder
        checkpoints = _furnish(work, project, node, errand)
        code, memory = _attend(errand, project, work / "log", report)
        locks = {str(path.relative_to(project)): path.read_text() for path in project.rglob("dvc.lock")}
    if not code:
        shutil.rmtree(checkpoints, ignore_errors=True)
    return {"code": code, "seconds": time.monotonic() - began, "memory": memory, "locks": locks}


def _furnish(work: Path, project: Path, node: Path, errand: Errand) -> Path:
    """Adds to the files in git what is not there; returns where the stage keeps its checkpoints."""
    for name, text in errand.locks.items():
        (project / name).write_text(text, encoding="utf-8")
    config = CONFIG.format(work=work, node=node, **errand.remote)
    (project / ".dvc" / "config.local").write_text(config, encoding="utf-8")
    folder = f"{errand.name.replace('/', '_')}-{errand.key[:16]}"
    checkpoints = Path(errand.checkpoints or node / "checkpoints", folder).absolute()
    if errand.resumes_from:
        checkpoints.mkdir(parents=True, exist_ok=True)
        (project / errand.resumes_from).symlink_to(checkpoints)
    return checkpoints


def _attend(errand: Errand, project: Path, log: Path, report: Callable[[bytes], int]) -> tuple[int, float]:
    """Runs the stage, reports what it prints, passes signals on: as SIGINT, which DVC leaves to the stage."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, errand.name],
            cwd=project,
            env=os.environ | errand.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    pid = told = 0
    text = b""
    with log.open("rb") as printed:
        while not pid or text:
            try:
                if not pid:
                    pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                text = printed.read(CHUNK)
                wanted = report(text)
                time.sleep(0 if pid or text else LOOK_S)
            except KeyboardInterrupt:  # ray.cancel, as it began
                wanted = signal.SIGTERM
            if wanted and wanted != told and not pid:
                told = wanted
                os.killpg(process.pid, signal.SIGKILL if wanted == signal.SIGKILL else signal.SIGINT)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
