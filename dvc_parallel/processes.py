"""Commands as processes: each in a group of its own, its output in a file that outlives the run."""

import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from dvc_parallel.fork_server import KIB
from dvc_parallel.project import Command

FORKED = re.compile(r"exec python -m ([\w.]+)((?: [\w./@-]+)*)")  # commands that may be forked


class Ended(NamedTuple):
    """A process that has ended."""

    name: str  # of the stage
    code: int  # negative: a signal
    memory: float  # its peak, in bytes
    seconds: float | None = None  # how long it ran, if that is not the time since its start was requested


class Processes:
    """The processes of a run.

    Attributes:
        ended: those that have ended, in that order.
        pids: of those that run, by stage; None while the fork server still imports.
    """

    def __init__(self, preload: str = "") -> None:
        """Starts nothing yet; `preload` is the module that a fork server imports, "" for none."""
        self.ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        self.pids: dict[str, int | None] = {}
        self._preload = preload
        self._server: subprocess.Popen[bytes] | None = None
        self._requests: dict[str, tuple[Command, Path]] = {}  # given to the server
        self._asking = threading.Lock()  # so that no request is given to a server that has ended
        self._is_stopping = False

    def sends(self, name: str) -> bool:
        """Returns whether a stage runs elsewhere: all its commands at once, without room on this machine."""
        return False

    def receive(self, name: str) -> None:
        """Fetches the result of a stage that ran elsewhere."""

    def start(self, name: str, command: Command, log: Path, *, is_worth: bool = False) -> None:
        """Starts a command of a stage, which writes to the end of its log.

        Args:
            name: of the stage.
            command: as DVC starts it.
            log: an existing file.
            is_worth: whether it is worth a fork server, which then takes commands of other stages, too.
        """
        with self._asking:
            found = self._may_fork(command)
            if found and is_worth and not self._server:
                self._start_server(command)
            if not (found and self._server):
                self._start(name, command, log)
                return
            self._requests[name], self.pids[name] = (command, log), None
            request: dict[str, Any] = {"name": name, "module": found[1], "arguments": found[2].split()}
            request |= {"log": str(log.absolute()), "environment": command.environment}
            with suppress(BrokenPipeError):  # _listen notices
                self._server.stdin.write(json.dumps(request).encode() + b"\n")
                self._server.stdin.flush()

    def signal(self, number: int) -> None:
        """Sends a signal to all that run, with what they have started; they are expected to end."""
        self._is_stopping = True
        for pid in list(self.pids.values()):
            with suppress(ProcessLookupError, PermissionError):
                if pid is None:
                    self._server.kill()
                else:
                    os.killpg(pid, number)

    def close(self) -> None:
        """Ends the fork server; nothing may run any more."""
        if self._server:
            self._server.stdin.close()
            self._server.wait()

    def _may_fork(self, command: Command) -> re.Match[str] | None:
        """Returns module and arguments of a command that the fork server could run."""
        found = FORKED.fullmatch(command.text) if self._preload and command.folder == os.getcwd() else None
        return found if found and _package(found[1]) == _package(self._preload) else None

    def _start(self, name: str, command: Command, log: Path) -> None:
        with log.open("ab") as file:
            process = subprocess.Popen(
                command.argv,
                cwd=command.folder,
                env=command.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                process_group=0,  # so that a terminal's Ctrl-C reaches a stage once, by way of us
            )
        self.pids[name] = process.pid
        threading.Thread(target=self._wait, args=(name, process), daemon=True).start()

    def _wait(self, name: str, process: subprocess.Popen[bytes]) -> None:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self._end(name, process.returncode, usage.ru_maxrss * KIB)

    def _end(self, name: str, code: int, memory: float) -> None:
        del self.pids[name]
        self.ended.put(Ended(name, code, memory))

    def _start_server(self, command: Command) -> None:
        environment = {key: value for key, value in command.environment.items() if key != "DVC_STAGE"}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "dvc_parallel.fork_server", self._preload],
            env=environment,
            stdin=subprocess.PIPE,  # whose end, at ours, is the server's end
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for answer in map(json.loads, self._server.stdout):
            if "pid" in answer:
                self.pids[answer["name"]] = answer["pid"]
            else:
                del self._requests[answer["name"]]
                self._end(answer["name"], os.waitstatus_to_exitcode(answer["status"]), answer["memory"])
        with self._asking:
            self._preload, left = "", dict(self._requests)  # the server has ended
        self._server.stdout.close()
        self._server.wait()
        for name, (command, log) in left.items():
            if pid := self.pids[name]:
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            if pid or self._is_stopping:
                self._end(name, -signal.SIGKILL, 0.0)
            else:
                self._start(name, command, log)  # and says what was wrong


def _package(module: str) -> str:
    return module.partition(".")[0]
