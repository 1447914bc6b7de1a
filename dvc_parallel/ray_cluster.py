"""Runs stages that compute as Ray tasks; DVC's work stays at home, and so do stages that cannot travel.

Ray gives each task a node with the CPUs, GPUs and memory that it asks for. A node that dies loses its stages,
which start again elsewhere. See `ray_task` for what runs on a node.
"""

import os
import signal
import socket
import threading
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

# Read by Ray as it is imported.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # or a call after the end starts a Ray of its own
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"  # else Ray warns that it will be the default

import ray
from ray import exceptions
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from dvc_parallel import machine, ray_task
from dvc_parallel.errors import UserError
from dvc_parallel.forecast import History, need
from dvc_parallel.processes import Ended, Processes
from dvc_parallel.project import Command
from dvc_parallel.ray_task import Errand
from dvc_parallel.shared import SharedProject

TRIES = 3  # of a stage whose nodes die
LOOK_S = 0.5
CONNECT_S = 5
KILL_S = 5  # for what a second signal is to kill


class RayCluster(Processes):
    """The commands of a run: those of stages that can travel on nodes, others here."""

    def __init__(
        self,
        project: SharedProject,
        history: History,
        address: str,
        checkpoints: Path | None = None,
    ) -> None:
        """Connects.

        Args:
            project: of the stages.
            history: what they cost the last time.
            address: "local" for a Ray of its own on this machine, or as `ray.init` takes it.
            checkpoints: folder that all nodes share.

        Raises:
            UserError: there is no remote, no git repository, or no Ray answers there.
        """
        super().__init__()
        self._project, self._history, self._checkpoints = project, history, checkpoints
        self._remote = project.remote()
        archive, self._folder = project.code()
        self._tasks: dict[Any, str] = {}  # Ray's reference -> stage
        self._errands: dict[str, tuple[Errand, Path, int]] = {}  # stage -> errand, log, number of the try
        self._begun: set[str] = set()
        self._locks: dict[str, dict[str, str]] = {}  # stage that ran -> each dvc.lock on its node
        self._lock = threading.Lock()
        _connect(address)
        ray.cloudpickle.register_pickle_by_value(ray_task)
        self._archive = ray.put(archive)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._desk = ray.remote(num_cpus=0, scheduling_strategy=here)(ray_task.Desk).remote()
        self._run = ray.remote(max_retries=0)(ray_task.run)
        self._left = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def sends(self, name: str) -> bool:
        """Returns whether a stage runs on a node."""
        return self._project.can_travel(name)

    def start(self, name: str, command: Command, log: Path, *, is_worth: bool = False) -> None:
        """Starts a command; of a stage that travels, all its commands."""
        if not self.sends(name):
            super().start(name, command, log, is_worth=is_worth)
            return
        self._project.send_inputs(name)
        errand = Errand(
            name=name,
            key=self._project.key(name),
            locks=self._project.locks(),
            remote=self._remote,
            folder=self._folder,
            resumes_from=self._project.hooks.checkpoints,
            checkpoints=str(self._checkpoints or ""),
            environment={},
        )
        with self._lock:
            self._submit(errand, log, 1)

    def receive(self, name: str) -> None:
        """Fetches the result of a stage that ran on a node."""
        self._project.fetch_result(name, self._locks.pop(name))

    def signal(self, number: int) -> None:
        """Sends a signal to all that run, and takes back what waits for a node."""
        super().signal(number)
        with self._lock:
            self._desk.end.remote(number)
            for task, name in self._tasks.items():
                if name not in self._begun:
                    ray.cancel(task)
            tasks = list(self._tasks)
        if number == signal.SIGKILL and tasks:
            ray.wait(tasks, num_returns=len(tasks), timeout=KILL_S)

    def __enter__(self) -> Self:
        with self._project.locked():
            self._project.share_runs(to_remote=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._listener.join(timeout=CONNECT_S)
        ray.shutdown()

    def share(self, names: Collection[str]) -> None:
        """Puts the results of these stages, wherever they ran, and the run cache into the remote."""
        with self._project.locked():
            self._project.send_all(names)

    def _submit(self, errand: Errand, log: Path, number: int) -> None:
        needs, meta = need(self._project, self._history, errand.name), self._project.meta(errand.name)
        n_gpus = (
            float(meta.get("gpu", 0)) if ray.cluster_resources().get("GPU") else 0
        )  # `true` is a whole one
        most = max(node["Resources"].get("CPU", 0) for node in ray.nodes()) // needs.threads
        n = 1 if n_gpus else max(1, int(min(meta.get("parts", 1), most)))  # parts that may run side by side
        asked = {"num_cpus": n * needs.threads, "num_gpus": n_gpus, "memory": n * int(needs.memory)}
        errand = errand._replace(environment=self._project.hooks.environment(n * needs.threads))
        _append(log, f"asks Ray for {', '.join(f'{key}={what:g}' for key, what in asked.items())}\n")
        task = self._run.options(name=errand.name, **asked).remote(errand, self._archive, self._desk)
        self._errands[errand.name] = errand, log, number
        self._tasks[task] = errand.name

    def _listen(self) -> None:
        """Writes down what nodes report, until home leaves the cluster."""
        while not self._left.wait(LOOK_S):
            if not self._tasks:
                continue
            try:
                self._look()
            except Exception as error:  # no cluster any more, or a bug: no stage would ever end
                with self._lock:
                    for name in self._tasks.values():
                        _append(self._errands[name][1], f"Ray does not answer: {_first_line(error)}\n")
                        self.ended.put(Ended(name, 1, 0.0))
                    self._tasks.clear()

    def _look(self) -> None:
        tasks = list(self._tasks)
        ended, _ = ray.wait(tasks, num_returns=len(tasks), timeout=0, fetch_local=False)
        for name, text in ray.get(self._desk.news.remote()):
            self._begun.add(name)
            _append(self._errands[name][1], text.decode(errors="surrogateescape"))
        for task in ended:
            with self._lock:
                self._settle(task)

    def _settle(self, task: Any) -> None:
        name = self._tasks.pop(task)
        errand, log, number = self._errands[name]
        self._begun.discard(name)
        try:
            done = ray.get(task)
        except exceptions.TaskCancelledError:
            self.ended.put(Ended(name, -signal.SIGTERM, 0.0))
        except exceptions.RayTaskError as error:
            _append(log, f"the node failed: {error.cause!r}\n")
            self.ended.put(Ended(name, 1, 0.0))
        except exceptions.RayError as error:  # node, raylet or worker died
            _append(log, f"try {number} of {TRIES} is lost: {type(error).__name__}\n")
            if number < TRIES and not self._is_stopping:
                self._submit(errand, log, number + 1)
            else:
                self.ended.put(Ended(name, -signal.SIGKILL, 0.0))
        else:
            self._locks[name] = done["locks"]
            self.ended.put(Ended(name, done["code"], done["memory"], done["seconds"]))


def _connect(address: str) -> None:
    """Joins or starts a cluster."""
    quiet: dict[str, Any] = {"logging_level": "CRITICAL", "log_to_driver": False}
    if address == "local":
        quiet |= {"num_cpus": machine.cores(), "include_dashboard": False}
    host, _, port = address.removeprefix("ray://").rpartition(":")
    handler = signal.getsignal(signal.SIGTERM)
    try:
        if host and port.isdecimal():  # or else Ray tries for minutes
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
        with warnings.catch_warnings(action="ignore"):
            ray.init(address, **quiet)
    except Exception as error:
        raise UserError(
            f"no Ray cluster answers at {address!r} ({_first_line(error)}); expected local, auto, HOST:6379"
            " on a node of it or ray://HOST:10001 from elsewhere, the same Ray and Python there, and"
            " RAY_AUTH_MODE=token where it asks for a token"
        ) from None
    finally:
        signal.signal(signal.SIGTERM, handler)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _append(log: Path, text: str) -> None:
    with log.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
