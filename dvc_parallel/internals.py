"""All that is used of DVC, much of it private: what a later version may rename is here and nowhere else.

Tested with DVC 3.67.1. tests/test_internals.py says which of these names a DVC lacks or has renamed.
"""

import io
import sys
from contextlib import AbstractContextManager
from typing import Any

from dvc.dependency import ParamsDependency as ParamsDependency
from dvc.dependency.db import AbstractDependency
from dvc.dependency.repo import RepoDependency
from dvc.exceptions import DvcException as DvcException
from dvc.exceptions import NotDvcRepoError as NotDvcRepoError
from dvc.lock import LockError as LockError
from dvc.output import Output as Output
from dvc.repo import Repo as Repo
from dvc.repo import lock_repo as lock_repo
from dvc.repo.reproduce import _reproduce_stage as reproduce  # noqa: F401
from dvc.repo.reproduce import collect_stages as collect_stages
from dvc.repo.reproduce import get_active_graph as get_active_graph
from dvc.repo.reproduce import plan_repro as plan_repro
from dvc.rwlock import rwlock
from dvc.stage import PipelineStage as PipelineStage
from dvc.stage import Stage as Stage
from dvc.stage.cache import RunCacheNotFoundError as RunCacheNotFoundError
from dvc.stage.cache import RunCacheNotSupported as RunCacheNotSupported
from dvc.stage.cache import _get_cache_hash
from dvc.stage.loader import StageLoader
from dvc.stage.run import _enforce_cmd_list, _make_cmd, get_executable
from dvc.stage.run import prepare_kwargs as prepare_kwargs
from dvc.stage.serialize import to_lockfile as to_lockfile
from dvc.stage.serialize import to_single_stage_lockfile as to_single_stage_lockfile
from dvc.utils.serialize import YAMLFileCorruptedError as YAMLFileCorruptedError
from dvc.utils.serialize import parse_yaml as parse_yaml
from dvc.utils.serialize import parse_yaml_for_update as parse_yaml_for_update
from dvc.utils.serialize._yaml import _dump
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.meta import Meta

Entry = dict[str, Any]  # of dvc.lock or of the run cache


def commands(stage: Stage) -> list[tuple[str, list[str]]]:
    """Returns the lines of a stage's `cmd`, and the arguments with which DVC starts each."""
    return [(text, _make_cmd(get_executable(), text)) for text in _enforce_cmd_list(stage.cmd)]


def noted(stage: Stage) -> AbstractContextManager[None]:
    """Notes in DVC's record of processes that this one works on what a stage reads and writes."""
    repo, remote = stage.repo, (RepoDependency, AbstractDependency)
    read = [dep.fs_path for dep in stage.deps if not isinstance(dep, remote)]
    write = [out.fs_path for out in stage.outs]
    hardlink = repo.config["core"].get("hardlink_lock", False)
    return rwlock(repo.tmp_dir, repo.fs, " ".join(sys.argv), read, write, hardlink)


def fill(stage: Stage, entry: Entry) -> None:
    """Gives a stage what an entry of dvc.lock says of it."""
    StageLoader.fill_from_lock(stage, entry)
    stage.cmd_changed = entry["cmd"] != stage.cmd


def printed(content: Any) -> str:
    """Returns YAML as DVC writes it."""
    stream = io.StringIO()
    _dump(content, stream)
    return stream.getvalue()


def run_key(stage: Stage) -> str:
    """Returns the hash under which the run cache keeps what a stage makes of its inputs."""
    return _get_cache_hash(to_single_stage_lockfile(stage), key=True)


def run_folder(stage: Stage, key: str) -> str:
    """Returns the folder in which the run cache keeps the runs with these inputs."""
    return stage.repo.stage_cache._get_cache_dir(key)


def are_cached(stage: Stage, run: Entry) -> bool:
    """Returns whether DVC's cache has all outputs of a run."""
    return stage.repo.stage_cache._create_stage(run, wdir=stage.wdir).outs_cached()


def set_hash(dep: Output, md5: str) -> None:
    """Lets an input have this hash."""
    dep.hash_info, dep.meta = HashInfo("md5", md5), Meta(isexec=dep.meta.isexec)
