"""Commands in processes of their own, which find this project's programs and code."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
AUTHOR = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def environment(**changes: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | AUTHOR | {"PATH": path, "PYTHONPATH": str(ROOT)} | changes


def call(folder: Path, *command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder, with changes of its environment."""
    return subprocess.run(command, cwd=folder, env=environment(**changes), capture_output=True, text=True)


def succeed(folder: Path, *command: str, **changes: str) -> str:
    """Returns what such a command prints, which must end well."""
    done = call(folder, *command, **changes)
    assert done.returncode == 0, done.stderr
    return done.stdout
