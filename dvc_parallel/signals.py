"""How the command is interrupted: Ctrl-C, SIGTERM, a closed terminal."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def handle() -> None:
    """Makes signals end the process through its `finally` blocks."""
    _set(_leave)


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

    _set(note)
    yield received
    _set(_leave)
    if received:
        _leave(received[0], None)


def _set(handler: Callable[[int, FrameType | None], None]) -> None:
    """Handles the signals, without those that the process was started to ignore, as under nohup."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
