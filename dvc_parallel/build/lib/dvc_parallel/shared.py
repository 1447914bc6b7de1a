"""A project whose data travels through its DVC remote, so that stages run on machines that share nothing."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from dvc_parallel import internals
from dvc_parallel.errors import UserError
from dvc_parallel.hooks import Hooks
from dvc_parallel.internals import DvcException, Entry, RunCacheNotSupported, Stage, parse_yaml
from dvc_parallel.project import Project

LOCK = "dvc.lock"


class SharedProject(Project):
    """The DVC project of the current folder, at home or in a copy on a node."""

    def __init__(self, targets: Sequence[str] = (), hooks: Hooks | None = None) -> None:
        """Reads dvc.yaml.

        Raises:
            UserError: as for any project, or there is no remote.
        """
        super().__init__(targets, hooks)
        try:
            self._repo.cloud.get_remote_odb(command="push")
        except (DvcException, ImportError) as error:
            why = str(error).partition(". ")[0].removeprefix("config file error: ")
            raise UserError(
                f"data reaches the nodes by a DVC remote, but {why};"
                " `dvc remote add -d NAME URL` sets one, then commit .dvc/config"
            ) from None

    def remote(self) -> dict[str, str]:
        """Returns name and URL of the remote, a relative path made absolute; no credentials."""
        name = self._repo.config["core"]["remote"]
        return {"name": name, "url": self._repo.config["remote"][name]["url"]}

    def can_travel(self, name: str) -> bool:
        """Returns whether a stage computes and all that it reads and writes is in git or in DVC's cache."""
        stage = self._stages[name]
        outs = [out for other in (name, *self.upstream[name]) for out in self._stages[other].outs]
        return (
            "threads" in self.meta(name)
            and all(out.use_cache and not out.persist for out in outs)
            and all(item.protocol == "local" and item.is_in_repo for item in (*outs, *stage.deps))
        )

    def written(self) -> set[str]:
        """Returns the files and folders that stages write and git may hold, such as metrics."""
        outs = [out for stage in self._stages.values() for out in stage.outs]
        return {LOCK, *(str(out) for out in outs if not out.use_cache)}

    def read(self) -> set[str]:
        """Returns the files and folders that stages read, such as the code."""
        return {str(dep) for stage in self._stages.values() for dep in stage.deps}

    def key(self, name: str) -> str:
        """Returns the hash of what a stage that is begun computes: its command and inputs."""
        return internals.run_key(self._stages[name])

    def send_inputs(self, name: str) -> None:
        """Puts what a stage that is begun reads into the remote, where that is not there yet."""
        for upstream in self.upstream[name]:
            self._push(self._stages[upstream])

    def fetch_inputs(self, name: str) -> None:
        """Fetches what a stage reads and is not here yet."""
        if missing := [dep.def_path for dep in self._stages[name].deps if not dep.exists]:
            with _working():
                self._repo.pull(missing)

    def send_result(self, name: str) -> None:
        """Puts what a stage has written into the remote."""
        self._push(self._stages[name])

    def fetch_result(self, name: str, lock: str) -> None:
        """Fetches what a stage has written on a node.

        Args:
            name: of the stage, which is begun here.
            lock: text of dvc.lock there.

        Raises:
            UserError: it read other inputs there.
        """
        stage = self._stages[name]
        entry: Entry = parse_yaml(lock, LOCK)["stages"][name]
        ours = internals.to_single_stage_lockfile(stage)
        if (entry["cmd"], entry.get("deps")) != (ours["cmd"], ours.get("deps")):
            raise UserError("its inputs on the node are not those here; run the same command again")
        internals.fill(stage, entry)
        self._pull(stage)
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

    def _pull(self, stage: Stage) -> None:
        with _working():
            for objects in stage.get_used_objs(force=True).values():
                _complete(self._repo.cloud.pull(objects))

    def _share_runs(self, *, to_remote: bool) -> None:
        here = self._repo.cache.legacy
        with _working(), suppress(RunCacheNotSupported):  # over HTTP
            there = self._repo.cloud.get_remote_odb(command="push", hash_name=here.hash_name)
            places = (here, there) if to_remote else (there, here)
            self._repo.stage_cache.transfer(*places, force=False)


@contextmanager
def _working() -> Iterator[None]:
    """Turns what remotes raise, each kind its own, into a message."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(
            f"the DVC remote does not work: {why}; `dvc push` and `dvc pull` show more, then run the same"
            " command again: what is done is recorded"
        ) from None


def _complete(transfer: Any) -> None:
    if transfer.failed:
        raise OSError(f"{len(transfer.failed)} files did not pass")
