"""Cores that the trainings of a project share: a variant's seeds run side by side where cores are free.

A token per core, a locked file, says that a training uses it. Locks die with their process.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from dvc_parallel import machine
from stages.runtime import limits, locks
from stages.runtime.environment import KIB

FOLDER = Path(".checkpoints", "cores")
WAITING = FOLDER / "waiting.lock"  # held by a training that found no free core
HELPER = "CONVNET_HELPER"  # set in the processes that help another one with its seeds
POLL_S = 1.0
# Until a training has computed for so long, it may not hold all the memory it needs.
FIRST_S = 8.0
ROOM = 1.5  # of its own memory that must be free for a helper


def is_helper() -> bool:
    """Returns whether this process helps another one, and leaves the rest of the stage to it."""
    return HELPER in os.environ


def is_wanted() -> bool:
    """Returns whether a training waits for a core, so that helpers should make room between two seeds."""
    return locks.is_held(WAITING)


@contextmanager
def helped(
    stage: str, arguments: Sequence[str], threads: int, has_work: Callable[[], bool]
) -> Iterator[None]:
    """Lets processes of their own help with the seeds of a stage while a block runs, then waits for them.

    They run the same command; the environment tells them to do nothing but seeds. If the block raises, they
    are asked to end. If a helper fails, the next process that looks for its seeds finds out.

    Args:
        stage: its module, such as stages.train.
        arguments: of its command.
        threads: of each process.
        has_work: returns whether there is a seed that no process is training.
    """
    if is_helper():
        yield
        return
    crew = _Crew([sys.executable, "-m", stage, *arguments], threads, has_work)
    crew.thread.start()
    try:
        yield
        crew.end()
    except BaseException:
        crew.stop()
        raise
    finally:
        crew.release()


class _Crew:
    def __init__(self, command: Sequence[str], threads: int, has_work: Callable[[], bool]) -> None:
        self._command, self._threads, self._has_work = command, threads, has_work
        self._own: list[int] = []
        self._waiting: list[int] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._ended = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def work(self) -> None:
        """Takes cores for its own process, then for helpers, until it is asked to end."""
        while True:
            if not self._own:
                self._own = _taken(self._threads)
            self._waiting = self._waiting if self._own else self._waiting or _locked([WAITING])
            if self._own:
                _release(self._waiting)
                is_free = self._has_room() and not is_wanted() and self._has_work()
                if is_free and (tokens := _taken(self._threads)):
                    self._start(tokens)
            if self._ended.wait(POLL_S):
                return

    def end(self) -> None:
        """Starts no more helpers, and waits until they have trained what they began."""
        self._ended.set()
        self.thread.join()
        for process in self._processes:
            process.wait()

    def stop(self) -> None:
        """Asks the helpers to end, and waits until their checkpoints are written."""
        self._ended.set()
        self.thread.join()  # or it might start another one meanwhile
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.terminate()
        self.end()

    def release(self) -> None:
        """Releases the cores of this process."""
        _release(self._own)
        _release(self._waiting)

    def _start(self, tokens: list[int]) -> None:
        environment = os.environ | {HELPER: "1", "DVC_STAGE": os.environ.get("DVC_STAGE", "helper")}
        self._processes.append(
            subprocess.Popen(self._command, stdin=subprocess.DEVNULL, env=environment, pass_fds=tokens)
        )
        _release(tokens)  # the helper's copies hold the locks, as long as it lives

    def _has_room(self) -> bool:
        own = getrusage(RUSAGE_SELF).ru_maxrss * KIB
        return time.process_time() > FIRST_S and machine.free_memory() > ROOM * own


def _taken(threads: int) -> list[int]:
    """Returns descriptors of as many locked tokens, [] if fewer are free."""
    return _locked([FOLDER / f"{number}.lock" for number in range(limits.cores())], threads)


def _locked(paths: Sequence[Path], wanted: int = 1) -> list[int]:
    found: list[int] = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in paths:
        if len(found) < min(wanted, len(paths)) and (descriptor := locks.attempt(path)) is not None:
            found.append(descriptor)
    if len(found) < min(wanted, len(paths)):
        _release(found)
    return found


def _release(descriptors: list[int]) -> None:
    while descriptors:
        os.close(descriptors.pop())
