"""Small pipelines of real DVC stages, for tests of the runner beside `dvc repro`."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import dvc.cli
import psutil

ROOT = Path(__file__).parents[2]
SECONDS = 600  # only what hangs takes so long, however busy the machine is
_started: list[subprocess.Popen[str]] = []
RUN = (sys.executable, "-m", "dvc_parallel")
MAKE = """
# python make.py NAME SECONDS: writes NAME.txt in steps; a signal or its parent's death ends it after one.
import fcntl, os, signal, sys, time
from pathlib import Path

parent, received = os.getppid(), []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: received.append(number))
name, seconds = sys.argv[1:]
done = Path(f"{name}.steps")
with done.open("a") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    while done.stat().st_size < 20 * float(seconds):
        time.sleep(0.05)
        print(".", end="", file=file, flush=True)
        print(f"{name}: epoch {done.stat().st_size}/{20 * float(seconds):.0f}, loss 0.5", flush=True)
        if received or os.getppid() != parent:
            sys.exit(143)
Path(f"{name}.partial").write_text(name)
os.rename(f"{name}.partial", f"{name}.txt")
"""


def stage(name: str, command: str = "true", needs: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """Returns a stage that runs a command, then writes NAME.txt."""
    cmd = f"{command} && echo {name} > {name}.txt"
    return {name: {"cmd": cmd, "deps": [f"{dep}.txt" for dep in needs], "outs": [f"{name}.txt"]} | more}


def steps(name: str, seconds: float, needs: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """Returns a stage that takes some time and can be stopped and resumed."""
    made = stage(name, needs=needs, **more)
    made[name]["cmd"] = f"exec python make.py {name} {seconds}"
    return made


def write(folder: Path, *stages: Mapping[str, Any]) -> None:
    """Writes a project of these stages."""
    folder.mkdir()
    pipeline = {"stages": {name: content for entry in stages for name, content in entry.items()}}
    (folder / "dvc.yaml").write_text(json.dumps(pipeline, indent=1))  # JSON is YAML, too
    (folder / "make.py").write_text(MAKE)
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").write_text("[core]\n    no_scm = True\n    analytics = false\n")


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "SHELL": "/bin/sh"}


def start(folder: Path, *command: str) -> subprocess.Popen[str]:
    """Starts a command in a session of its own, as a terminal does."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    _started.append(process)
    return process


def end_all() -> None:
    """Kills what `start` has started and runs still, with its children."""
    while _started:
        process = _started.pop()
        with suppress(psutil.Error):
            family = [*psutil.Process(process.pid).children(recursive=True), process]
            for member in family:
                member.kill()
        process.wait()


def call(folder: Path, *command: str) -> tuple[int, str]:
    """Runs a command; returns its exit code and what it printed."""
    process = start(folder, *command)
    printed, _ = process.communicate(timeout=SECONDS)
    return process.returncode, printed


def repro(folder: Path, *arguments: str, code: int = 0) -> None:
    """Runs `dvc repro` in this process, which has DVC imported."""
    with chdir(folder), redirect_stdout(io.StringIO()) as out, redirect_stderr(out):
        assert dvc.cli.main(["repro", *arguments]) == code, out.getvalue()


def copy(folder: Path, name: str) -> Path:
    """Copies a project beside itself."""
    return shutil.copytree(folder, folder.with_name(name), symlinks=True)


def recorded(folder: Path) -> dict[str, str]:
    """Returns the hashes of dvc.lock, DVC's cache and run cache, and the outputs."""
    cache = [path for path in (folder / ".dvc" / "cache").rglob("*") if path.is_file()]
    paths = [folder / "dvc.lock", *cache, *folder.glob("*.txt")]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def names(folder: Path) -> list[str]:
    """Returns the stages in dvc.lock, in order."""
    lines = (folder / "dvc.lock").read_text().splitlines() if (folder / "dvc.lock").exists() else []
    return [line.strip().removesuffix(":") for line in lines if line[:2] == "  " and line[2] not in " -"]


def wait_for(happened: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Waits until something happens; fails at once where the process that is to bring it about has ended."""
    end = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        assert process is None or process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
