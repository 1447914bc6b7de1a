"""Starts stages by forking a process that has imported Keras, which saves each of them 6 s.

Only libraries are shared, and TensorFlow computes nothing before a fork; a stage reads its own code anew. The
server ends with the run, and its stages notice that as they notice the death of `dvc repro`.

It reads requests from its standard input, a line of JSON each: name, module, arguments, folder, environment
and log. It answers with lines, too: {"name", "pid"}, then {"name", "status", "memory"}.
"""

import json
import os
import runpy
import select
import signal
import sys
from contextlib import suppress
from typing import Any

from stages.runtime import keras_import

KIB = 1 if sys.platform == "darwin" else 1024  # unit of ru_maxrss


def main() -> None:
    """Serves until its standard input is closed; in each child, runs the stage."""
    keras_import.load()
    import h5py  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import pandas  # noqa: F401

    if request := _serve():
        _become(request)
    else:
        os._exit(0)  # at once: TensorFlow takes its time


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
                server = os.getpid()
                if pid := os.fork():
                    os.setpgid(pid, pid)  # before anybody sends a signal to its group
                    names[pid] = request["name"]
                    _answer(name=request["name"], pid=pid)
                    continue
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return request | {"parent": server}


def _answer(**answer: Any) -> None:
    with suppress(BrokenPipeError):
        os.write(1, json.dumps(answer).encode() + b"\n")


def _become(request: dict[str, Any]) -> None:
    """Makes a child what a shell's `exec python -m MODULE ARGUMENTS` would be, and runs it."""
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND)
    for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, log), (2, log)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[1:] = request["arguments"]
    for name in [name for name in sys.modules if name.partition(".")[0] == "stages"]:
        del sys.modules[name]
    import stages.runtime.environment

    stages.runtime.environment.PARENT = request["parent"]
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
