"""How long each stage took and how much memory it needed when it last ran: a guess, no result.

A stage of several parts of equal cost takes as long as it has parts to do, so its time is noted per part.
"""

import json
from pathlib import Path
from typing import Any

from dvc_parallel import files

PATH = files.RUN / "history.json"
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

    def seconds(self, name: str, meta: dict[str, Any]) -> float:
        """Returns how long a stage may take: its last time, the longest of its kind, or what meta says."""
        parts = meta.get("parts", 1)
        if (known := self.known(name, parts)) is not None:
            return known
        kind = name.partition("@")[0]
        of_kind = [other for other in self._runs if other.partition("@")[0] == kind]
        return max((self._per_part(other) for other in of_kind), default=meta.get("seconds", SECONDS)) * parts

    def known(self, name: str, parts: int = 1) -> float | None:
        """Returns how long a stage takes for so many parts by its last time; None if it has not run here."""
        return self._per_part(name) * parts if name in self._runs else None

    def took(self, name: str) -> tuple[float, int]:
        """Returns how long a stage took, and how many parts it did then."""
        return self._runs[name]["seconds"], int(self._runs[name].get("parts", 1))

    def memory(self, name: str, meta: dict[str, Any]) -> float:
        """Returns the bytes that a stage needs: its last peak, or what meta says in GB."""
        return self._runs.get(name, {}).get("memory") or meta.get("memory_gb", MEMORY / 1e9) * 1e9

    def record(self, name: str, seconds: float, memory: float, parts: int = 1) -> None:
        """Notes a run that ended well."""
        self._runs[name] = {"seconds": round(seconds, 2), "memory": memory, "parts": parts}
        files.write(self._path, json.dumps(self._runs, indent=1))

    def _per_part(self, name: str) -> float:
        seconds, parts = self.took(name)
        return seconds / parts
