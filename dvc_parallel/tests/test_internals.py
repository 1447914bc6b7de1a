"""DVC's names that we use: which of them the installed DVC lacks, or takes other arguments for."""

import ast
import importlib
import importlib.metadata
import inspect
from pathlib import Path

import pytest

from dvc_parallel import internals

FOLDER = Path(internals.__file__).parent
VERSION = importlib.metadata.version("dvc")
CALLED = {  # function -> the arguments that we give it
    "dvc.rwlock.rwlock": "tmp_dir fs cmd read write hardlink",
    "dvc.repo.lock_repo": "repo",
    "dvc.repo.reproduce._reproduce_stage": "stage kwargs",
    "dvc.repo.reproduce.get_active_graph": "graph",
    "dvc.stage.cache._get_cache_hash": "cache key",
    "dvc.stage.loader.StageLoader.fill_from_lock": "stage lock_data",
    "dvc.stage.run._make_cmd": "executable cmd",
    "dvc.stage.Stage.save": "self allow_missing run_cache",
    "dvc.stage.Stage.commit": "self allow_missing filter_info kwargs",
    "dvc.stage.Stage.remove_outs": "self ignore_remove force",
    "dvc.stage.Stage.save_deps": "self allow_missing",
    "dvc.stage.cache.StageCache.restore": "self stage run_cache pull dry",
    "dvc.stage.cache.StageCache._get_cache_dir": "self key",
    "dvc.stage.cache.StageCache._create_stage": "self cache wdir",
    "dvc.utils.serialize._yaml._dump": "data stream",
}


def imported(path):
    """Returns (module, name) of all that a file imports from DVC; the name of a whole module is ""."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found += [(node.module or "", name.name) for name in node.names]
        elif isinstance(node, ast.Import):
            found += [(name.name, "") for name in node.names]
    return [(module, name) for module, name in found if module.partition(".")[0] == "dvc"]


@pytest.mark.parametrize(("module", "name"), imported(FOLDER / "internals.py"), ids=lambda value: value)
def test_dvc_has_what_we_import(module, name):
    assert hasattr(importlib.import_module(module), name), f"DVC {VERSION} has no {module}.{name}"


@pytest.mark.parametrize("path", CALLED)
def test_what_we_call_takes_the_arguments_that_we_give(path):
    parts = path.split(".")
    place = max(n for n in range(len(parts)) if _is_module(".".join(parts[:n])))
    found = importlib.import_module(".".join(parts[:place]))
    for part in parts[place:]:
        found = getattr(found, part)
    assert " ".join(inspect.signature(found).parameters) == CALLED[path], f"DVC {VERSION} has changed {path}"


def _is_module(name):
    try:
        return bool(name and importlib.import_module(name))
    except ModuleNotFoundError:
        return False


def test_no_other_module_imports_dvc():
    others = [path for path in FOLDER.glob("*.py") if path.name != "internals.py"]
    assert {path.name: imported(path) for path in others if imported(path)} == {}
