"""Runs one stage on a node: `python -m dvc_parallel.on_node STAGE LOG`, in a copy of the project.

Fetches its inputs from the DVC remote, runs its commands, records the result and puts that into the remote.
"""

import queue
import signal
import sys
from pathlib import Path

from dvc_parallel import errors, signals
from dvc_parallel.processes import Processes
from dvc_parallel.project import Command
from dvc_parallel.shared import SharedProject

LOOK_S = 0.2


def main() -> None:
    """Runs the stage; exits as its command does."""
    name, log = sys.argv[1], Path(sys.argv[2])
    project = SharedProject([name])
    with project.locked():
        project.fetch_inputs(name)
        commands = project.begin(name)
    try:
        for command in commands:
            if code := _run(name, command, log):
                sys.exit(code if code > 0 else 128 - code)
        with project.locked():
            if commands:
                project.finish(name)
            project.send_result(name)
    finally:
        project.close()


def _run(name: str, command: Command, log: Path) -> int:
    """Runs a command; passes a signal on and waits for its end, a second signal kills it."""
    processes, is_told = Processes(), False
    try:
        with signals.deferred() as received:
            processes.start(name, command, log)
            while True:
                try:
                    return processes.ended.get(timeout=LOOK_S).code
                except queue.Empty:
                    if received and not is_told:
                        is_told = True
                        processes.signal(received[0])
    finally:
        processes.signal(signal.SIGKILL)


if __name__ == "__main__":
    signals.handle()
    signals.end_with_parent()
    with errors.reported():
        main()
