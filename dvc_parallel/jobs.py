"""A stage that runs: what its log says of its progress."""

import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from dvc_parallel.machine import Need
from dvc_parallel.project import Command

EPOCH = re.compile(r"(?i)(?:, seed (\d+): )?\bepoch (\d+)/(\d+)(?:\b.*?\bloss:? ([^\s,]+))?")


@dataclass
class Job:
    """A stage that runs."""

    name: str
    commands: list[Command]  # that are still to run
    log: Path  # that its processes write
    need: Need
    gpu: str | None = None  # that it was given
    past_s: float | None = None  # how long it took last time
    parts: int = 1  # of equal cost, such as the seeds that it trains
    started: float = field(default_factory=lambda: time.monotonic())
    began: float = field(default_factory=lambda: time.time())  # the same by the clock of files
    epoch: str = ""  # the last one it has printed, as "3/60", or "3/60 of seed 1"
    loss: str = ""  # of that epoch
    memory: float = 0.0  # the peak of its commands that have ended, in bytes
    _epochs: list[float] = field(default_factory=list)  # when each ended
    _to_do: dict[str, int] = field(default_factory=dict)  # seed -> its epochs that are left
    _of_seed: int = 0  # epochs of a seed
    _heard: float = field(default_factory=lambda: time.monotonic())
    _position: int = 0
    _rest: bytes = b""

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self.started

    @property
    def silent_s(self) -> float:
        """How long it has printed nothing."""
        return time.monotonic() - self._heard

    @property
    def left_s(self) -> float | None:
        """How long it may still take, from its epochs or from its last time; None if neither is known."""
        if len(self._epochs) > 1:
            first, last = self._epochs[0], self._epochs[-1]
            n = sum(self._to_do.values()) + (self.parts - len(self._to_do)) * self._of_seed
            left = n * (last - first) / (len(self._epochs) - 1) - (time.monotonic() - last)
        elif self.past_s is not None:
            left = self.past_s - self.seconds
        else:
            return None
        return max(0.0, left)

    def new_lines(self, *, to_the_end: bool = False) -> list[str]:
        """Returns the lines that its log has got since the last call; to the end: whole or not."""
        with self.log.open("rb") as file:
            file.seek(self._position)
            received = file.read()
        if received:
            self._position += len(received)
            self._heard = time.monotonic()
        *whole, self._rest = re.split(rb"[\r\n]", self._rest + received)
        if to_the_end:
            whole, self._rest = [*whole, self._rest], b""
        lines = [line.decode(errors="replace") for line in whole if line.strip()]
        for line in lines:
            if found := EPOCH.search(line):
                seed, epoch, self._of_seed = found[1] or "", found[2], int(found[3])
                self.loss = found[4] or ""
                self._epochs.append(time.monotonic())
                self._to_do[seed] = self._of_seed - int(epoch)
                self.epoch = f"{epoch}/{found[3]}" + (f" of seed {seed}" if seed else "")
        return lines
