"""A project for machines that share nothing: data travel through its DVC remote, code as the files in git."""

import io
import subprocess
import tarfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dvc_parallel import internals
from dvc_parallel.errors import UserError
from dvc_parallel.internals import DvcException
from dvc_parallel.project import Project


class SharedProject(Project):
    """The DVC project of the current folder, which has a remote."""

    _pulls = True

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
                f"data reaches the nodes by a DVC remote, but {why}; `dvc remote add -d NAME URL` sets one"
            ) from None
        name = self._repo.config["core"]["remote"]
        return {"name": name, "url": self._repo.config["remote"][name]["url"]}

    def code(self) -> tuple[bytes, str]:
        """Returns the files that git tracks, as they are now, as a tar archive; the project's folder in it.

        Raises:
            UserError: this is no git repository.
        """
        top, tracked = Path(_git("rev-parse", "--show-toplevel")), io.BytesIO()
        with tarfile.open(fileobj=tracked, mode="w") as archive:
            for name in _git("-C", str(top), "ls-files", "-z").split("\0"):
                if name and (top / name).exists():
                    archive.add(top / name, name)
        return tracked.getvalue(), _git("rev-parse", "--show-prefix")

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
        self._push(self.upstream[name])

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
        with _remote_errors():
            for objects in stage.get_used_objs(force=True).values():
                _check(self._repo.cloud.pull(objects))
        stage.checkout()

    def send_all(self, names: Collection[str]) -> None:
        """Puts all results of these stages into the remote, and the run cache."""
        self._push(names)
        self.share_runs(to_remote=True)

    def _push(self, names: Iterable[str]) -> None:
        with _remote_errors():
            for stage in map(self._stages.__getitem__, names):
                for objects in stage.get_used_objs(push=True).values():
                    _check(self._repo.cloud.push(objects))

    def share_runs(self, *, to_remote: bool) -> None:
        """Adds the run cache to that of the remote; or that to it, to restore what ran elsewhere."""
        here = self._repo.cache.legacy
        with _remote_errors(), suppress(internals.RunCacheNotSupported):  # over HTTP
            there = self._repo.cloud.get_remote_odb(command="push", hash_name=here.hash_name)
            places = (here, there) if to_remote else (there, here)
            self._repo.stage_cache.transfer(*places, force=False)


@contextmanager
def _remote_errors() -> Iterator[None]:
    """Turns the errors of remotes, which differ by kind, into a message."""
    try:
        yield
    except Exception as error:
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(
            f"the DVC remote does not work: {why}; `dvc push` and `dvc pull` show more, then run the same"
            " command again: what is done is recorded"
        ) from None


def _check(transfer: Any) -> None:
    if transfer.failed:
        raise OSError(f"{len(transfer.failed)} files did not pass")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, errors="surrogateescape")
    if done.returncode:
        why = " ".join(done.stderr.split())
        raise UserError(f"nodes get the code as the files in git, but git says: {why}; `git init`, `git add`")
    return done.stdout.removesuffix("\n")
