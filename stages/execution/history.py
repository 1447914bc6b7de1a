"""How long each stage took and how much memory it needed when it last ran: a guess, no result."""

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

    def seconds(self, name: str, meta: dict[str, Any]) -> float:
        """Returns how long a stage may take: its last time, the longest of its kind, or what meta says."""
        if name in self._runs:
            return self._runs[name]["seconds"]
        kind = name.partition("@")[0]
        of_kind = [run["seconds"] for other, run in self._runs.items() if other.partition("@")[0] == kind]
        return max(of_kind, default=meta.get("seconds", SECONDS))

    def known(self, name: str) -> float | None:
        """Returns how long a stage took; None if it has not run here."""
        return self._runs.get(name, {}).get("seconds")

    def memory(self, name: str, meta: dict[str, Any]) -> float:
        """Returns the bytes that a stage needs: its last peak, or what meta says in GB."""
        return self._runs.get(name, {}).get("memory") or meta.get("memory_gb", MEMORY / 1e9) * 1e9

    def record(self, name: str, seconds: float, memory: float) -> None:
        """Notes a run that ended well."""
        self._runs[name] = {"seconds": round(seconds, 2), "memory": memory}
        write_json(self._path, self._runs)
