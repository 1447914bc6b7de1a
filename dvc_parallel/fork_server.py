"""Starts stages by forking a process that has imported what they import, which saves each of them that time.

Only libraries are shared: a stage imports the modules of its own package again. The server ends with the run,
and its stages have to notice that as they notice the death of `dvc repro`: their parent changes.

It reads requests from its standard input, a line of JSON each: name, module, arguments, environment and log.
It answers with lines, too: {"name", "pid"}, then {"name", "status", "memory"}.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import sys
from contextlib import suppress
from typing import Any

KIB = 1 if sys.platform == "darwin" else 1024  # unit of ru_maxrss


def main() -> None:
    """Serves until its standard input is closed; in each child, runs the stage."""
    importlib.import_module(sys.argv[1])
    gc.freeze()  # no child looks through the libraries' objects for garbage, which took 0.3 s each time
    if request := _serve():
        _become(request)
    else:
        os._exit(0)  # at once: some libraries take their time


def _serve() -> dict[str, Any] | None:
    """Forks a child for each request. Returns the request in the child, None in the server at its end."""
    waking, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    names: dict[int, str] = {}
    rest = b""
    while True:
        ready, _, _ = select.select([0, waking], [], [])
        if waking in ready:
            os.read(waking, 4096)
            while names and (ended := os.wait4(-1, os.WNOHANG))[0]:
                pid, status, usage = ended
                _answer(name=names.pop(pid), status=status, memory=usage.ru_maxrss * KIB)
        if 0 in ready:
            received = os.read(0, 65536)
            if not received:
                return None
            *lines, rest = (rest + received).split(b"\n")
            for request in map(json.loads, lines):
                if pid := os.fork():
                    os.setpgid(pid, pid)  # before anybody sends a signal to its group
                    names[pid] = request["name"]
                    _answer(name=request["name"], pid=pid)
                    continue
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return request


def _answer(**answer: Any) -> None:
    with suppress(BrokenPipeError):
        os.write(1, json.dumps(answer).encode() + b"\n")


def _become(request: dict[str, Any]) -> None:
    """Makes a child what a shell's `exec python -m MODULE ARGUMENTS` would be, and runs it."""
    os.setpgid(0, 0)  # the server does so, too: one of both is first
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND)
    for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[1:] = request["arguments"]
    package = request["module"].partition(".")[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
