"""dvc.yaml against the code: stages run modules of ours, depend on their code, and declare their paths."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from stages import code, parameters, resolve, values, variants
from stages.datasets import downloads, recipes

ROOT = Path(__file__).parent.parent
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
STUDY = parameters.load(ROOT / "params.yaml")
ROOMS = ("datasets", "networks", "training", "results", "inspection")


def names(entries: list) -> set[str]:
    """The paths of deps, outs, metrics or plots, with or without options."""
    return {next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries}


def one(stage: dict) -> dict:
    return stage.get("do", stage)


def outputs(stage: dict) -> set[str]:
    return {path for kind in ("outs", "metrics", "plots") for path in names(one(stage).get(kind, []))}


@pytest.mark.parametrize("name", PIPELINE["stages"])
def test_a_stage_runs_the_module_whose_code_it_depends_on(name: str) -> None:
    stage = one(PIPELINE["stages"][name])
    module = re.match(r"exec python -m (stages\.\w+) ", stage["cmd"])[1]
    assert (ROOT / module.replace(".", "/")).with_suffix(".py").is_file()
    trainers = set(resolve.TRAINERS.values())
    fingerprint = "data/variants/${key}.json" if module in trainers else f"data/code/{module[7:]}.json"
    if module != "stages.resolve":
        assert fingerprint in names(stage["deps"])
        assert module in trainers or module[7:] in resolve.OTHERS


def test_resolve_alone_depends_on_files_of_code() -> None:
    depends = {
        name
        for name, stage in PIPELINE["stages"].items()
        if any("stages" in dep for dep in one(stage)["deps"])
    }
    assert depends == {"resolve"}


@pytest.mark.parametrize("name", PIPELINE["stages"])
def test_every_path_of_a_command_is_declared_and_every_output_is_in_it(name: str) -> None:
    stage = one(PIPELINE["stages"][name])
    words = [word for word in shlex.split(stage["cmd"])[3:] if "/" in word or word in ("metrics", "plots")]
    declared = names(stage["deps"]) | outputs(stage)
    for word in words:
        is_declared = any(
            path == word or path.startswith(f"{word}/") or word.startswith(f"{path}/") for path in declared
        )
        assert is_declared, f"{word} is in the command of {name}, but neither a dep nor an out"
    for path in outputs(stage):
        assert any(path == word or path.startswith(f"{word}/") for word in words), (
            f"{path} is not in the command"
        )


@pytest.mark.parametrize("name", PIPELINE["stages"])
def test_only_names_that_pass_resolve_are_pasted_into_a_command(name: str) -> None:
    stage = PIPELINE["stages"][name]
    pasted = set(re.findall(r"\$\{(.+?)\}", one(stage)["cmd"]))
    assert pasted <= {"item", "key", "item.starts_from"}
    if "item" in pasted:  # a list that stands in dvc.yaml itself
        assert all(re.fullmatch(values.NAME, item) for item in stage["foreach"])


def test_every_section_of_variants_is_trained_and_evaluated() -> None:
    sections = [
        stage["foreach"] for stage in PIPELINE["stages"].values() if isinstance(stage.get("foreach"), str)
    ]
    assert sorted(sections) == sorted(2 * [f"${{{group}}}" for group in variants.GROUPS])
    assert set(resolve.TRAINERS) == set(variants.GROUPS)


def test_every_source_and_dataset_is_downloaded_and_prepared() -> None:
    assert PIPELINE["stages"]["download"]["foreach"] == list(STUDY["sources"]) == list(downloads.SOURCES)
    assert PIPELINE["stages"]["prepare"]["foreach"] == list(STUDY["datasets"]) == list(recipes.N_CLASSES)


def test_every_section_that_a_stage_reads_is_checked() -> None:
    stages = map(one, PIPELINE["stages"].values())
    read = {name.partition(".")[0] for stage in stages for name in stage.get("params", [])}
    assert read <= set(resolve.SECTIONS) == set(STUDY)


def test_what_is_in_git_is_small_and_what_is_large_is_in_the_cache() -> None:
    for name, stage in PIPELINE["stages"].items():
        for kind in ("outs", "metrics", "plots"):
            for entry in one(stage).get(kind, []):
                path = next(iter(entry)) if isinstance(entry, dict) else entry
                is_cached = not isinstance(entry, dict) or entry[path].get("cache", True)
                assert is_cached == path.startswith(("data/", "models/")), f"{path} of {name}"


def test_rooms_import_no_verb_and_only_the_rooms_before_them() -> None:
    allowed = {
        "datasets": {"datasets"},
        "networks": {"networks"},
        "training": {"networks", "training"},
        "results": {"results"},
        "inspection": {"inspection", "results"},
    }
    shared = {name for module in ("errors", "atomic") for name in code.closure(f"stages.{module}", ROOT)}
    shared |= {"stages.hashes", "stages.memmaps", "stages.sets", "stages.sources"}
    readers = {"stages.parameters", "stages.values"}  # of params.yaml; training reads variants
    for room in ROOMS:
        for path in sorted((ROOT / "stages" / room).glob("*.py")):
            module = f"stages.{room}.{path.stem}".removesuffix(".__init__")
            imported = code.closure(module, ROOT) - shared
            if room in ("datasets", "results", "inspection"):
                imported -= readers
            if room == "inspection":
                imported -= {"stages.variants", "stages.optimizer_blocks"}
            rooms = {name.split(".")[1] for name in imported}
            assert rooms <= allowed[room], f"{module} imports {sorted(imported)}"
