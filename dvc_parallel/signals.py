"""How the command is interrupted: Ctrl-C, SIGTERM, a closed terminal."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def handle() -> None:
    """Makes signals end the process through its `finally` blocks."""
    for number in _handled():
        signal.signal(number, _leave)


@contextmanager
def deferred() -> Iterator[list[int]]:
    """Lets a block end where it chooses: yields a list that receives the signal instead.

    The process ends after the block; a second signal ends it at once.
    """
    received: list[int] = []

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


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
