"""Small projects whose stages can travel, and real Ray nodes in separate folders of this machine."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import psutil

from dvc_parallel.tests import pipelines

MAKE = """
# python make.py NAME STEPS INPUT ...: writes NAME.out, its steps are its checkpoint.
import os, signal, sys, time
from pathlib import Path

parent, received = os.getppid(), []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: received.append(number))
name, n = sys.argv[1], int(sys.argv[2])
steps = Path(".checkpoints", name)
steps.touch()
print(f"{name}: begins at step {steps.stat().st_size}", flush=True)
with steps.open("ab", buffering=0) as file:
    while steps.stat().st_size < n:
        time.sleep(0.05)
        file.write(b".")
        if received or os.getppid() != parent:
            sys.exit(143)
print(f"{name}: has all steps", flush=True)
Path(f"{name}.out").write_text(name + "".join(Path(p).read_text() for p in sys.argv[3:]))
"""
SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}  # whatever token this machine has
COMMAND = """
from dvc_parallel import command
from dvc_parallel.hooks import Hooks

class Steps(Hooks):
    checkpoints = ".checkpoints"

command.main(hooks=Steps())
"""
RUN = (sys.executable, "-c", COMMAND)


def computing(name: str, n_steps: int, needs: tuple[str, ...] = ()) -> dict[str, Any]:
    """Returns a stage that runs on a node."""
    paths = [f"{other}.out" for other in needs]
    command = " ".join(["exec python make.py", name, str(n_steps), *paths])
    deps = ["make.py", *paths]
    return {name: {"cmd": command, "deps": deps, "outs": [f"{name}.out"], "meta": {"threads": 1}}}


def write(folder: Path, *stages: Mapping[str, Any], remote: bool = True) -> None:
    """Writes a project of these stages, with a remote beside it, and commits it."""
    pipelines.write(folder, *stages)
    (folder / "make.py").write_text(MAKE)
    (folder / ".gitignore").write_text(
        "*.out\n*.txt\n/.dvc/tmp/\n/.dvc/cache/\n/.checkpoints/\n*.lock\n!dvc.lock\n"
    )
    (folder / ".checkpoints").mkdir()
    if remote:
        with (folder / ".dvc" / "config").open("a") as file:
            file.write("    remote = there\n['remote \"there\"']\n    url = ../../remote\n")
    git(folder, "init", "--quiet")
    commit(folder)


def commit(folder: Path) -> None:
    """Commits all that git tracks."""
    author = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    git(folder, "add", "--all")
    git(folder, *author, "commit", "--quiet", "--message", "Test")


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


class Nodes:
    """A head that runs no stages, and nodes of one core, each with folders of its own.

    Ray starts them in a process of their own, as it leaves files and processes of its own to Python.
    """

    def __init__(self, folder: Path, sockets: Path) -> None:
        """Starts the head; Ray's sockets need a short path."""
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dvc_parallel.tests.clusters", str(folder)],
            cwd=pipelines.ROOT,
            env=os.environ | SETTINGS | {"RAY_TMPDIR": str(sockets)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address = self._process.stdout.readline().strip()

    def add(self, name: str) -> None:
        """Starts a node."""
        self._ask(f"add {name}")

    def kill(self, name: str) -> None:
        """Kills Ray on a node by SIGKILL."""
        self._ask(f"kill {name}")

    def running(self) -> list[str]:
        """Returns the names of nodes, for each command that runs on one."""
        places = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if "make.py" in process.cmdline():
                    places.append(Path(process.cwd()))
        places = [place.relative_to(self._folder) for place in places if place.is_relative_to(self._folder)]
        return [place.parts[0] for place in places]

    def close(self) -> None:
        """Ends the cluster, and what it leaves."""
        family = psutil.Process(self._process.pid).children(recursive=True)
        try:
            self._process.communicate(timeout=pipelines.SECONDS)
        finally:
            for member in [self._process, *family]:
                with suppress(psutil.Error):
                    member.kill()

    def _ask(self, request: str) -> None:
        print(request, file=self._process.stdin, flush=True)
        assert self._process.stdout.readline() == f"{request}\n"


@contextmanager
def nodes(folder: Path) -> Iterator[Nodes]:
    """Starts a cluster without nodes."""
    with tempfile.TemporaryDirectory(prefix="ray-") as sockets:
        cluster = Nodes(folder, Path(sockets))
        try:
            yield cluster
        finally:
            cluster.close()


def serve(folder: Path) -> None:
    """Starts and kills nodes, a line of standard input each."""
    from ray.cluster_utils import Cluster

    def start(name: str, num_cpus: int) -> Any:
        (folder / name).mkdir()
        return cluster.add_node(
            num_cpus=num_cpus,
            object_store_memory=80 * 2**20,
            include_dashboard=False,
            env_vars={
                "HOME": str(folder / name),
                "DVC_PARALLEL_FOLDER": str(folder / name / "node"),
                "PYTHONPATH": str(pipelines.ROOT),
            },
        )

    with redirect_stdout(sys.stderr):
        cluster = Cluster()
        started = {"head": start("head", 0)}
    print(cluster.address, flush=True)
    for line in sys.stdin:
        verb, name = line.split()
        with redirect_stdout(sys.stderr):
            if verb == "add":
                started[name] = start(name, 1)
            else:
                cluster.remove_node(started[name], allow_graceful=False)
        print(line, end="", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
