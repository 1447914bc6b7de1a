"""What runs in a Ray worker. It travels by value and needs the standard library alone.

A stage runs in a folder of its own, FOLDER/work/ID: the commit's files, home's dvc.lock, and DVC's cache
shared with other stages of the node, FOLDER/cache. FOLDER is $DVC_PARALLEL_FOLDER or ~/.cache/dvc-parallel.
"""

import contextlib
import fcntl
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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

LOOK_S = 0.5
CHUNK = 2**20  # bytes of a log at a time
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
    """A stage to run.

    Attributes:
        name: of the stage.
        key: hash of its command and inputs.
        lock: text of dvc.lock at home, empty where there is none.
        remote: name and URL of the DVC remote.
        folder: of the project within its git repository.
        resumes_from: folder of the project from which an interrupted stage resumes; "" for none.
        checkpoints: folder that nodes share; None for one of the node's own.
        environment: variables that the stage gets from home.
    """

    name: str
    key: str
    lock: str
    remote: dict[str, str]
    folder: str
    resumes_from: str
    checkpoints: str | None
    environment: dict[str, str]


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
        archive: the commit's files.
        report: takes what the stage prints, returns the signal that it is to get, or 0.

    Returns:
        code, seconds, memory: as of a process.
        lock: text of dvc.lock after the stage.
    """
    began = time.monotonic()
    report(f"runs on {socket.gethostname()}\n".encode())
    node = Path(os.environ.get("DVC_PARALLEL_FOLDER") or Path.home() / ".cache" / "dvc-parallel")
    with _work(node) as work:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(work / "tree", filter="data")
        project = work / "tree" / errand.folder
        checkpoints = _furnish(work, node, errand)
        code, memory = _attend(errand, project, work / "log", report)
        lock = "" if code else (project / "dvc.lock").read_text(encoding="utf-8")
    if not code:
        shutil.rmtree(checkpoints, ignore_errors=True)
    return {"code": code, "seconds": time.monotonic() - began, "memory": memory, "lock": lock}


@contextlib.contextmanager
def _work(node: Path) -> Iterator[Path]:
    """Makes a folder for one stage; removes it at the end, and those of workers that were killed."""
    with _locked(node / ".lock"):
        (node / "work").mkdir(exist_ok=True)
        for left in (node / "work").iterdir():
            with contextlib.suppress(BlockingIOError), _locked(left / ".lock", fcntl.LOCK_NB):
                shutil.rmtree(left)
        work = Path(tempfile.mkdtemp(dir=node / "work"))
        held = contextlib.ExitStack()
        held.enter_context(_locked(work / ".lock"))
    with held:
        yield work
        shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def _locked(path: Path, flags: int = 0) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | flags)
        yield


def _furnish(work: Path, node: Path, errand: Errand) -> Path:
    """Adds to the commit's files what is not in git; returns where the stage keeps its checkpoints."""
    project = work / "tree" / errand.folder
    (project / "dvc.lock").unlink(missing_ok=True)  # the commit's may be older
    if errand.lock:
        (project / "dvc.lock").write_text(errand.lock, encoding="utf-8")
    config = CONFIG.format(work=work, node=node, **errand.remote)
    (project / ".dvc" / "config.local").write_text(config, encoding="utf-8")
    folder = f"{errand.name.replace('/', '_')}-{errand.key[:16]}"
    checkpoints = Path(errand.checkpoints or node / "checkpoints", folder).absolute()
    checkpoints.mkdir(parents=True, exist_ok=True)
    if errand.resumes_from:
        (project / errand.resumes_from).symlink_to(checkpoints)
    return checkpoints


def _attend(errand: Errand, project: Path, log: Path, report: Callable[[bytes], int]) -> tuple[int, float]:
    """Runs the stage's commands, reports what they print and passes signals on."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dvc_parallel.on_node", errand.name, str(log)],
            cwd=project,
            env=os.environ | errand.environment | {"DVC_STAGE": errand.name},
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
                process.send_signal(signal.SIGTERM)  # a second one makes it kill
    kib = 1 if sys.platform == "darwin" else 1024
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss * kib
