"""Outputs against what DVC recorded; with DVC itself in test_verify.py."""

from pathlib import Path

import pytest
import small_study

from stages.inspection.outputs import stale, wrong
from stages.inspection.workspaces import Workspace, cached


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    small_study.write(tmp_path)
    return small_study.opened(tmp_path)


def again(workspace: Workspace) -> Workspace:
    """Returns a workspace of the same records, for a second command."""
    return Workspace(workspace.root, workspace.params, workspace.stages)


def told(workspace: Workspace) -> list[str]:
    """Returns what is found, as verify does."""
    of_bytes = list(wrong(workspace))
    of_order = list(stale(workspace, [finding.place for finding in of_bytes if finding.stage]))
    return [f"{finding.place} {finding.problem}" for finding in (*of_bytes, *of_order)]


def test_what_dvc_recorded_just_now_is_right(workspace: Workspace) -> None:
    assert told(again(workspace)) == []


def test_a_missing_output_is_found_once(workspace: Workspace) -> None:
    (workspace.root / "metrics/final.json").unlink()
    assert told(again(workspace)) == ["metrics/final.json is missing"]


@pytest.mark.parametrize(
    "path", ["data/cub200/labels.npy", "models/final/run.json", "metrics/final.json", "plots/summary.md"]
)
def test_an_edited_output_is_found_once(workspace: Workspace, path: str) -> None:
    with (workspace.root / path).open("ab") as file:
        file.write(b" ")
    (line,) = told(again(workspace))
    assert path.startswith(line.split()[0])
    assert line.endswith(" is not what its stage wrote")


def test_a_file_more_in_an_output_is_found_unless_dvc_ignores_it(workspace: Workspace) -> None:
    (workspace.root / "models/final/.history.csv.partial").write_text("epoch")
    ignoring = Workspace(workspace.root, workspace.params, workspace.stages, ignored=("*.partial",))
    assert told(ignoring) == []
    assert told(again(workspace)) == ["models/final is not what its stage wrote"]


def record(workspace: Workspace, stage: str, kind: str, path: str) -> None:
    """Lets dvc.lock say of what is there now that a stage read or wrote it."""
    now = Workspace(workspace.root, workspace.params).md5(Path(path))
    next(entry for entry in workspace.stages[stage][kind] if entry["path"] == path)["md5"] = now
    if (workspace.root / path).is_dir():
        small_study.cache(Workspace(workspace.root, workspace.params), Path(path))


@pytest.mark.parametrize(
    ("written", "stage", "expected"),
    [
        ("models/final", "train@final", ["metrics/final.json is older than models/final"]),
        ("metrics/final.json", "evaluate@final", ["plots/summary.csv is older than metrics"]),
        (
            "data/variants",
            "resolve",
            [
                "models/final is older than data/variants/final.json",
                "models/linear_head is older than data/variants/linear_head.json",
            ],
        ),
    ],
)
def test_a_result_of_an_older_output_is_found(
    workspace: Workspace, written: str, stage: str, expected: list[str]
) -> None:
    place = workspace.root / written
    for path in sorted(place.iterdir()) if place.is_dir() else [place]:
        path.write_bytes(path.read_bytes() + b" ")
    record(workspace, stage, "outs", written)
    assert told(again(workspace)) == expected


def test_a_result_of_a_file_that_is_gone_is_found(workspace: Workspace) -> None:
    (workspace.root / "params.yaml").unlink()
    assert told(again(workspace)) == ["data/variants was made from params.yaml, which is missing"]


def test_a_result_of_other_parameters_is_found(workspace: Workspace) -> None:
    params = workspace.params | {"datasets": {"cifar100": {}, "cub200": {"image_size": 9}}}
    assert told(Workspace(workspace.root, params, workspace.stages)) == [
        "data/cub200 was made with another datasets.cub200 than params.yaml has"
    ]


def test_a_damaged_object_of_a_folder_is_named_after_its_file(workspace: Workspace) -> None:
    object_ = workspace.root / cached(workspace.hash(Path("models/final/history.csv"), "md5"))
    object_.write_text("epoch")
    (finding,) = wrong(again(workspace))
    assert str(finding) == (
        "models/final/history.csv has other bytes in the cache than dvc.lock says;"
        " remove it, then `dvc repro train@final`"
    )
    finding.repair()
    assert not object_.exists()
    assert not (workspace.root / "models/final/history.csv").exists()
    assert (workspace.root / "models/final/run.json").exists()


@pytest.mark.parametrize("content", ["[]", "["])
def test_a_damaged_list_of_a_folders_files_is_found(workspace: Workspace, content: str) -> None:
    (workspace.root / cached(workspace.outs[Path("models/final")].md5)).write_text(content)
    assert told(again(workspace)) == ["models/final has other bytes in the cache than dvc.lock says"]


def test_a_damaged_object_of_an_earlier_run_is_found(workspace: Workspace) -> None:
    small_study.put(workspace, workspace.md5(Path("params.yaml")), b"other")
    (finding,) = wrong(again(workspace))
    place = cached(workspace.md5(Path("params.yaml")))
    assert str(finding) == f"{place} has other bytes than its name says; remove it"
    finding.repair()
    assert told(again(workspace)) == []


@pytest.mark.parametrize("path", ["models/final/history.csv", "models/final"])
def test_what_is_lost_from_the_cache_is_found_before_hours_are_run_again(
    workspace: Workspace, path: str
) -> None:
    (workspace.root / cached(workspace.md5(Path(path)))).unlink()
    (finding,) = wrong(again(workspace))
    assert str(finding) == (
        "models/final is not in DVC's cache, for which dvc repro would run its stage again;"
        " `dvc commit train@final` puts it there"
    )
