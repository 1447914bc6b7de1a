"""A project for machines that share nothing: data travel through its DVC remote, code as a git commit."""

import os
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from dvc_parallel import internals
from dvc_parallel.errors import UserError
from dvc_parallel.internals import DvcException, Stage
from dvc_parallel.project import Project


class Commit(NamedTuple):
    """The current commit: its files as a tar archive, and the folder of the project in it."""

    archive: bytes
    folder: str


class SharedProject(Project):
    """The DVC project of the current folder, which has a remote."""

    def remote(self) -> dict[str, str]:
        """Returns name and URL of the remote, a relative path made absolute; no credentials.

        Raises:
            UserError: there is none.
        """
        try:
            self._repo.cloud.get_remote_odb(command="push")
        except (DvcException, ImportError) as error:
            why = str(error).partition(". ")[0].removeprefix("config file error: ")
            raise UserError(
                f"data reaches the nodes by a DVC remote, but {why};"
                " `dvc remote add -d NAME URL` sets one, then commit .dvc/config"
            ) from None
        name = self._repo.config["core"]["remote"]
        return {"name": name, "url": self._repo.config["remote"][name]["url"]}

    def commit(self) -> Commit:
        """Returns the commit that holds the files as they are now.

        What stages write, such as metrics, may differ, and so may new files that no stage reads.

        Raises:
            UserError: this is no git repository, or something is not committed.
        """
        folder = _git("rev-parse", "--show-prefix").decode().strip()
        outs = {str(out) for stage in self._stages.values() for out in stage.outs if not out.use_cache}
        read = {str(dep) for stage in self._stages.values() for dep in stage.deps}
        status = _git("status", "--porcelain", "--no-renames", "-z", "--untracked-files=all", ".")
        changed = []
        for entry in filter(None, status.split(b"\0")):
            path, is_new = os.path.relpath(os.fsdecode(entry[3:]), folder or "."), entry[:2] == b"??"
            is_written = _within(path, outs) or Path(path).name == "dvc.lock"
            changed += [path] if not is_written and (not is_new or _within(path, read)) else []
        if changed:
            more = f" and {len(changed) - 1} more" if changed[1:] else ""
            raise UserError(
                f"{changed[0]}{more} is not committed, but nodes get the files of the commit;"
                " commit it, or put it aside by `git stash`"
            )
        top = _git("rev-parse", "--show-toplevel").decode().removesuffix("\n")
        return Commit(_git("-C", top, "archive", "HEAD"), folder)

    def can_travel(self, name: str) -> bool:
        """Returns whether a stage computes and all that it reads and writes is in git or in DVC's cache."""
        stage = self._stages[name]
        outs = [out for other in (name, *self.upstream[name]) for out in self._stages[other].outs]
        return (
            "threads" in self.meta(name)
            and all(out.use_cache and not out.persist for out in outs)
            and all(item.protocol == "local" and item.is_in_repo for item in (*outs, *stage.deps))
        )

    def key(self, name: str) -> str:
        """Returns the hash of what a stage that has begun computes: its command and inputs."""
        return internals.run_key(self._stages[name])

    def locks(self) -> dict[str, str]:
        """Returns each dvc.lock, path -> text."""
        paths = {Path(stage.path_in_repo).with_name("dvc.lock") for stage in self._stages.values()}
        return {str(path): path.read_text(encoding="utf-8") for path in paths if path.exists()}

    def send_inputs(self, name: str) -> None:
        """Puts the inputs of a stage that has begun into the remote, unless they are there already."""
        for upstream in self.upstream[name]:
            self._push(self._stages[upstream])

    def fetch_result(self, name: str, locks: dict[str, str]) -> None:
        """Fetches what a stage that has begun here wrote on a node, whose dvc.lock files these are.

        Raises:
            UserError: it read other inputs there.
        """
        stage = self._stages[name]
        path = str(Path(stage.path_in_repo).with_name("dvc.lock"))
        entry = internals.parse_yaml(locks[path], path)["stages"][stage.name]
        ours = internals.to_single_stage_lockfile(stage)
        if (entry["cmd"], entry.get("deps")) != (ours["cmd"], ours.get("deps")):
            raise UserError("its inputs on the node are not those here; run the same command again")
        internals.fill(stage, entry)
        with _working():
            for objects in stage.get_used_objs(force=True).values():
                _complete(self._repo.cloud.pull(objects))
        stage.checkout()

    def fetch_known(self) -> None:
        """Fetches what the remote's run cache knows, so that what ran elsewhere is restored."""
        self._share_runs(to_remote=False)

    def send_all(self, names: Collection[str]) -> None:
        """Puts all results of these stages into the remote, and the run cache."""
        for name in names:
            self._push(self._stages[name])
        self._share_runs(to_remote=True)

    def _restore(self, stage: Stage) -> None:
        self._repo.stage_cache.restore(stage, pull=True)

    def _push(self, stage: Stage) -> None:
        with _working():
            for objects in stage.get_used_objs(push=True).values():
                _complete(self._repo.cloud.push(objects))

    def _share_runs(self, *, to_remote: bool) -> None:
        here = self._repo.cache.legacy
        with _working(), suppress(internals.RunCacheNotSupported):  # over HTTP
            there = self._repo.cloud.get_remote_odb(command="push", hash_name=here.hash_name)
            places = (here, there) if to_remote else (there, here)
            self._repo.stage_cache.transfer(*places, force=False)


@contextmanager
def _working() -> Iterator[None]:
    """Turns the errors of remotes, which differ by kind, into a message."""
    try:
        yield
    except Exception as error:
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(
            f"the DVC remote does not work: {why}; `dvc push` and `dvc pull` show more, then run the same"
            " command again: what is done is recorded"
        ) from None


def _complete(transfer: Any) -> None:
    if transfer.failed:
        raise OSError(f"{len(transfer.failed)} files did not pass")


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], capture_output=True)
    if done.returncode:
        why = " ".join(done.stderr.decode(errors="replace").split())
        raise UserError(f"nodes get the code as a git commit, but git says: {why}; `git init`, then commit")
    return done.stdout


def _within(path: str, places: Collection[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)
