"""--check: runs copies of a project by `dvc repro` and by this command, and says in what they differ then."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dvc_parallel.errors import UserError
from dvc_parallel.internals import NotDvcRepoError, Repo

LEFT_OUT = {".git", "__pycache__", ".venv", "node_modules"}
OWN = (".dvc/tmp", ".dvc/config.local")  # of each command
SHOWN = 20
State = dict[str, tuple[int, str]]  # path, or what git has of it -> mode and hash


def check(targets: Sequence[str], module: str, jobs: int | None) -> int:
    """Prints what differs; returns 0 if nothing does.

    Args:
        targets: stages, as `dvc repro` takes them.
        module: of the command, such as dvc_parallel.
        jobs: stages at once.

    Raises:
        UserError: this is no project, or `dvc repro` fails.
    """
    try:
        with Repo() as repo:
            project = Path(repo.root_dir)
            root = Path(getattr(repo.scm, "root_dir", None) or project)
    except NotDvcRepoError:
        raise UserError(f"{Path.cwd()} is in no DVC project; change into one") from None
    at_once = ["--jobs", str(jobs)] if jobs else []
    theirs = _leaves(root, project, ["dvc", "repro", *targets])
    ours = _leaves(root, project, [module, *targets, *at_once])
    different = sorted(path for path in {*theirs, *ours} if theirs.get(path) != ours.get(path))
    for path in different[:SHOWN]:
        how = "differs" if path in theirs and path in ours else f"only {'ours' if path in ours else 'repro'}"
        print(f"{path}: {how}")
    if different:
        print(f"{len(different)} of {len({*theirs, *ours})} files differ; are all stages repeatable?")
    else:
        print(f"equal: {len(ours)} files, dvc.lock, cache, run cache and what git has staged among them")
    return 1 if different else 0


def state(root: Path) -> State:
    """Returns what a project's folder holds, and what is staged in git, without what each command notes."""
    found: State = {}
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if LEFT_OUT & set(inside.parts) or any(own in inside.as_posix() for own in OWN):
            continue
        if path.is_symlink() or path.is_file():
            content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
            found[str(inside)] = path.lstat().st_mode, hashlib.sha256(content).hexdigest()
    staged = subprocess.run(["git", "ls-files", "--stage"], cwd=root, capture_output=True, text=True)
    return found | {f"staged: {line.split(maxsplit=3)[3]}": (0, line) for line in staged.stdout.splitlines()}


def _leaves(root: Path, project: Path, command: Sequence[str]) -> State:
    """Returns what a command leaves of a copy, which lies at the same place for each."""
    print(f"runs {' '.join(command)} in a copy", flush=True)
    copy = Path(tempfile.gettempdir(), f"dvc-parallel-check-{os.getpid()}")
    here = copy / Path.cwd().relative_to(root)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    cache = copy / project.relative_to(root) / ".dvc" / "cache"  # its own, even if the original is shared
    try:
        shutil.copytree(root, copy, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT - {".git"}))
        subprocess.run([sys.executable, "-m", "dvc", "cache", "dir", "--quiet", "--local", cache], cwd=here)
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=here,
            env=os.environ | {"PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        if done.returncode:
            raise UserError(f"{' '.join(command)} fails in a copy of the project:\n{done.stdout[-2000:]}")
        return state(copy)
    finally:
        shutil.rmtree(copy, ignore_errors=True)
