"""Files that appear whole or not at all."""

import os
from pathlib import Path

RUN = Path(".dvc", "tmp", "run")  # what the runner notes, in the project's folder


def write(path: Path, text: str) -> None:
    """Writes a file under another name, then renames it, so that no kill or full disk leaves half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
