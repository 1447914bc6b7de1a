"""dvc.yaml: every stage runs one of our verbs on its resolved item, and declares all paths of its command."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from stages.study import items, schema

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
STAGES = {name: stage.get("do", stage) for name, stage in yaml.safe_load(TEXT)["stages"].items()}
SECTIONS = {name: stage.get("foreach") for name, stage in yaml.safe_load(TEXT)["stages"].items()}
# Not in a command: the code, which resolve reads, and what the resolved item names.
UNNAMED = {"stages", "${item.from}"}

every_stage = pytest.mark.parametrize("name", STAGES)


def verb(name: str) -> str:
    return re.match(r"exec python -m stages\.(\w+) ", STAGES[name]["cmd"])[1]


def paths(name: str, *kinds: str) -> set[str]:
    """Returns the paths of deps, outs or metrics, with or without options."""
    entries = [entry for kind in kinds for entry in STAGES[name].get(kind, [])]
    return {next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries}


@every_stage
def test_a_stage_runs_a_verb_in_place_of_its_shell(name: str) -> None:
    assert (ROOT / "stages" / f"{verb(name)}.py").is_file()


@every_stage
def test_a_stage_depends_on_its_resolved_item_and_on_no_code(name: str) -> None:
    deps = paths(name, "deps")
    assert "params" not in STAGES[name]
    if name == "resolve":
        assert deps == {"params.yaml", "report.yaml", "stages"}
        return
    item = "study" if name in ("compare", "report") else "${key}"
    resolved = {path for path in deps if path.startswith("data/resolved/")}
    assert resolved == {f"data/resolved/{verb(name)}/{item}.json"}
    assert not {"params.yaml", "report.yaml", "stages"} & deps


@every_stage
def test_a_command_names_what_it_reads_and_writes_and_nothing_else(name: str) -> None:
    words = set(shlex.split(STAGES[name]["cmd"])[4:])
    reads, writes = paths(name, "deps") - UNNAMED, paths(name, "outs", "metrics")
    if name == "compare":  # writes some files into the folder that it is given
        assert all(path.startswith("plots/") for path in writes)
        writes = {"plots"}
    assert words == reads | writes


@every_stage
def test_a_command_contains_checked_names_alone(name: str) -> None:
    pasted = set(re.findall(r"\$\{(.+?)\}", STAGES[name]["cmd"]))
    names = {"key", "item.data", "item.dataset", "item.backbone", "item.starts_from"}
    assert pasted <= names | {"item.image_size"}


@every_stage
def test_large_outputs_are_in_the_cache_and_small_ones_in_git(name: str) -> None:
    for entry in [entry for kind in ("outs", "metrics") for entry in STAGES[name].get(kind, [])]:
        ((path, options),) = entry.items() if isinstance(entry, dict) else [(entry, {})]
        assert options.get("cache", True) == path.startswith(("data/", "models/")), path


def test_every_section_of_items_has_its_stages() -> None:
    sections = {section[2:-1] for section in SECTIONS.values() if section}
    expected = {"sources", "datasets", "backbones", "features", *items.TRAINERS}
    assert sections == expected <= set(schema.Study.model_fields)
    for section, trainer in items.TRAINERS.items():
        of_section = {name for name, found in SECTIONS.items() if found == f"${{{section}}}"}
        assert trainer in of_section
        assert {verb(name) for name in of_section} == {trainer, "evaluate"}
