"""How long each stage took and how much memory it needed when it last ran: a guess, no result.

A stage that trains several seeds takes as long as it has seeds to train, so that its time is noted per seed.
"""

import json
from pathlib import Path
from typing import Any

from stages.runtime.atomic import write_json

PATH = Path(".dvc", "tmp", "run", "history.json")
SECONDS, MEMORY = 60.0, 1e9  # of a stage of which nothing is known


class History:
    """What past runs of this project cost."""

    def __init__(self, path: Path = PATH) -> None:
        """Reads the file; one that is missing or damaged counts as empty."""
        self._path = path
        try:
            self._runs: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._runs = {}

    def seconds(self, name: str, meta: dict[str, Any], seeds: int = 1) -> float:
        """Returns how long a stage may take: its last time, the longest of its kind, or what meta says."""
        if (known := self.known(name, seeds)) is not None:
            return known
        kind = name.partition("@")[0]
        of_kind = [other for other in self._runs if other.partition("@")[0] == kind]
        return max((self._per_seed(other) for other in of_kind), default=meta.get("seconds", SECONDS)) * seeds

    def known(self, name: str, seeds: int = 1) -> float | None:
        """Returns how long a stage takes for so many seeds by its last time; None if it has not run here."""
        return self._per_seed(name) * seeds if name in self._runs else None

    def took(self, name: str) -> tuple[float, int]:
        """Returns how long a stage took, and how many seeds it trained then."""
        return self._runs[name]["seconds"], int(self._runs[name].get("seeds", 1))

    def memory(self, name: str, meta: dict[str, Any]) -> float:
        """Returns the bytes that a stage needs: its last peak, or what meta says in GB."""
        return self._runs.get(name, {}).get("memory") or meta.get("memory_gb", MEMORY / 1e9) * 1e9

    def record(self, name: str, seconds: float, memory: float, seeds: int = 1) -> None:
        """Notes a run that ended well."""
        self._runs[name] = {"seconds": round(seconds, 2), "memory": memory, "seeds": seeds}
        write_json(self._path, self._runs)

    def _per_seed(self, name: str) -> float:
        seconds, seeds = self.took(name)
        return seconds / seeds
