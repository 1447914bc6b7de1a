"""Trained variants, metrics and the summary against what they follow from, as an inspection finds it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_study

from stages.errors import InputError
from stages.inspection.results import SUMMARY, metrics_problem, run_problem, summary_problem
from stages.inspection.workspaces import Workspace

BACKBONE = Path("data/resnet50")
DATASETS = {"final": "cifar100", "not_run": "cifar100", "linear_head": "cub200"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    small_study.write(tmp_path)
    return Workspace(tmp_path, small_study.PARAMS)


@pytest.fixture
def model(workspace: Workspace) -> Path:
    return workspace.root / "models/final"


def problem_of_final(workspace: Workspace) -> str | None:
    return run_problem(workspace, "final", "cifar100", None)


def test_what_follows_from_the_rest_is_right(workspace: Workspace) -> None:
    assert problem_of_final(workspace) is None
    assert run_problem(workspace, "linear_head", "cub200", BACKBONE) is None
    assert [metrics_problem(workspace, name) for name in small_study.SET_OF] == [None, None]
    assert [summary_problem(workspace, name, DATASETS) for name in SUMMARY] == [None, None, None]


@pytest.mark.parametrize(
    ("key", "value"),
    [("variant", "finale"), ("dataset", "cub200"), ("epochs", 3), ("seed", 1), ("threads", 1)],
)
def test_a_model_of_another_variant_data_or_knob_is_found(
    workspace: Workspace, model: Path, key: str, value: Any
) -> None:
    small_study.edit_json(model / "run.json", key, value=value)
    assert str(problem_of_final(workspace)).startswith(f"says {key} {value!r}, expected ")


def test_a_model_of_other_archives_is_found(workspace: Workspace, model: Path) -> None:
    small_study.edit_json(model / "run.json", "sources", "cifar.tgz", "sha256", value="0" * 64)
    assert str(problem_of_final(workspace)).startswith("says sources {'cifar.tgz': {'kind': 'official', 'sha")


def test_a_model_on_a_stand_in_backbone_that_calls_itself_official_is_found(workspace: Workspace) -> None:
    small_study.edit_json(workspace.root / "models/linear_head/run.json", "provenance", value="official")
    assert run_problem(workspace, "linear_head", "cub200", BACKBONE) == (
        "says provenance 'official', expected 'stand-in'"
    )


def test_a_head_must_name_the_source_of_its_backbone(workspace: Workspace) -> None:
    path = workspace.root / "models/linear_head/run.json"
    record = json.loads(path.read_text())
    del record["sources"]["backbone.keras"]
    small_study.write_json(path, record)
    assert str(run_problem(workspace, "linear_head", "cub200", BACKBONE)).startswith("says sources ")


@pytest.mark.parametrize("name", ["model.keras", "history.csv", "predictions.npz"])
def test_a_file_of_another_hash_than_its_training_noted_is_found(
    workspace: Workspace, model: Path, name: str
) -> None:
    content = (model / name).read_bytes()
    (model / name).write_bytes(content + b"\n")
    assert f"holds {name} of sha256" in str(problem_of_final(workspace))


def test_a_history_of_fewer_epochs_is_found(workspace: Workspace, model: Path) -> None:
    lines = (model / "history.csv").read_text().splitlines()
    (model / "history.csv").write_text("\n".join(lines[:2]))
    small_study.note_model(workspace.root, "final")
    assert problem_of_final(workspace) == "has a history of 1 epochs, expected 2"


def test_predictions_for_fewer_pictures_than_the_test_set_has_are_found(
    workspace: Workspace, model: Path
) -> None:
    data = workspace.root / "data/cifar100"
    small_study.write_predictions(model / "predictions.npz", data, first_test=1)
    small_study.note_model(workspace.root, "final")
    assert problem_of_final(workspace) == "predicts other test pictures than cifar100 has"


def test_predictions_of_other_classes_are_found(workspace: Workspace, model: Path) -> None:
    with np.load(model / "predictions.npz") as archive:
        arrays = dict(archive) | {"class_names": np.array(["bee", "ant", "cow"])}
    np.savez(model / "predictions.npz", **arrays)
    small_study.note_model(workspace.root, "final")
    assert problem_of_final(workspace) == "predicts other classes than cifar100 has"


def test_a_record_without_hashes_is_no_record(workspace: Workspace, model: Path) -> None:
    record = json.loads((model / "run.json").read_text())
    del record["sha256"]
    small_study.write_json(model / "run.json", record)
    with pytest.raises(InputError, match="no sha256"):
        problem_of_final(workspace)


def test_metrics_that_do_not_follow_from_the_predictions_are_found(workspace: Workspace) -> None:
    path = workspace.root / "metrics/final.json"
    true = json.loads(path.read_text())["test"]["accuracy"]
    small_study.edit_json(path, "test", "accuracy", value=0.99)
    assert metrics_problem(workspace, "final") == (f"says test.accuracy 0.99, its predictions give {true}")


@pytest.mark.parametrize(("key", "value"), [("provenance", "stand-in"), ("seed", 1), ("note", "mine")])
def test_metrics_that_say_something_else_than_run_json_are_found(
    workspace: Workspace, key: str, value: Any
) -> None:
    small_study.edit_json(workspace.root / "metrics/final.json", key, value=value)
    assert str(metrics_problem(workspace, "final")).startswith(f"says {key} {value!r}, its run.json ")


@pytest.mark.parametrize("name", SUMMARY)
def test_a_summary_that_does_not_follow_from_the_metrics_is_found(workspace: Workspace, name: str) -> None:
    path = workspace.root / "plots" / name
    accuracy = json.loads((workspace.root / "metrics/final.json").read_text())["test"]["accuracy"]
    said = {
        "summary.csv": repr(accuracy),
        "summary.md": f"{accuracy:.4f}",
        "summary.json": repr(accuracy - 0.5),
    }
    text = path.read_text()
    assert said[name] in text
    path.write_text(text.replace(said[name], "0.9999"))
    assert summary_problem(workspace, name, DATASETS) == "does not follow from metrics/"


def test_a_summary_that_keeps_silent_about_stand_ins_is_found(workspace: Workspace) -> None:
    path = workspace.root / "plots/summary.md"
    path.write_text(path.read_text().replace("stand-in", "official"))
    assert summary_problem(workspace, "summary.md", DATASETS) == "does not follow from metrics/"
