"""How a command ends before its time: Ctrl-C, SIGTERM, a closed terminal, the death of its `dvc repro`."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from stages import PARENT

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCH_S = 0.5
_ending: list[int] = []  # signals that end the process


def handle() -> None:
    """Makes signals end the process by way of its `finally` blocks, so that nothing half-written stays.

    A killed `dvc repro` leaves its command running: it then gets SIGTERM from a thread of its own.
    """
    for number in _heeded():
        signal.signal(number, _leave)
    if "DVC_STAGE" in os.environ:  # set by dvc repro; one who starts a stage by hand may leave it alone
        threading.Thread(target=_watch_parent, daemon=True).start()


@contextmanager
def deferred() -> Iterator[list[int]]:
    """Lets a block end at a point of its choice: yields a list that a signal is appended to.

    The process ends at the end of the block; a second signal ends it at once.
    """
    received: list[int] = []
    if _ending:  # its exception was lost
        raise SystemExit(exit_code())

    def note(number: int, frame: FrameType | None) -> None:
        if received:
            _leave(number, frame)
        received.append(number)

    handlers = {number: signal.signal(number, note) for number in _heeded()}
    try:
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if received:
        _leave(received[0], None)


def _heeded() -> list[signal.Signals]:
    """Returns the signals that the process was not started to ignore, as under nohup."""
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


def exit_code() -> int | None:
    """Returns the exit code that a signal asked for, None where there was none.

    The exception of a signal that comes amid C code, such as TensorFlow's, may come out as another one.
    """
    return 128 + _ending[0] if _ending else None


def _leave(number: int, frame: FrameType | None) -> None:
    _ending.append(number)
    raise SystemExit(exit_code())


def _watch_parent() -> None:
    while os.getppid() == PARENT:
        time.sleep(WATCH_S)
    os.kill(os.getpid(), signal.SIGTERM)
