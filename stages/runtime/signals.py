"""How a command is interrupted: Ctrl-C, SIGTERM, a closed terminal, the death of its `dvc repro`."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from stages.runtime.environment import PARENT

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCH_S = 0.5
_ending: list[int] = []  # signals that end the process


def handle() -> None:
    """Makes signals end the process through its `finally` blocks, so that nothing half-written stays.

    A killed `dvc repro` leaves its command running, which then sends itself SIGTERM.
    """
    for number in _handled():
        signal.signal(number, _leave)
    if "DVC_STAGE" in os.environ:  # set by dvc repro; a stage that a user starts may outlive its shell
        threading.Thread(target=_watch_parent, daemon=True).start()


@contextmanager
def deferred() -> Iterator[list[int]]:
    """Lets a block end where it chooses: yields a list that receives the signal instead.

    The process ends after the block; a second signal ends it at once.
    """
    received: list[int] = []
    if _ending:  # C code swallowed the exception of an earlier signal
        raise SystemExit(exit_code())

    def note(number: int, frame: FrameType | None) -> None:
        if received:
            _leave(number, frame)
        received.append(number)

    handlers = {number: signal.signal(number, note) for number in _handled()}
    try:
        yield received
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if received:
        _leave(received[0], None)


def _handled() -> list[signal.Signals]:
    """Returns the signals, without those that the process was started to ignore, as under nohup."""
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


def exit_code() -> int | None:
    """Returns the exit code after a signal, None if there was none.

    C code, such as TensorFlow's, may turn the exception of a signal into another one.
    """
    return 128 + _ending[0] if _ending else None


def _leave(number: int, frame: FrameType | None) -> None:
    _ending.append(number)
    raise SystemExit(exit_code())


def _watch_parent() -> None:
    while os.getppid() == PARENT:
        time.sleep(WATCH_S)
    os.kill(os.getpid(), signal.SIGTERM)
