"""Which contents an inspection compares, and which it leaves to what was found before."""

import shutil
from pathlib import Path

import pytest
import small_study

from stages.inspection.contradictions import contradictions
from stages.inspection.workspaces import Workspace, cached


@pytest.fixture
def root(tmp_path: Path) -> Path:
    small_study.write(tmp_path)
    return tmp_path


def told(workspace: Workspace, wrong: set[str] = frozenset(), stale: set[str] = frozenset()) -> list[str]:
    return [f"{finding.place} {finding.problem}" for finding in contradictions(workspace, wrong, stale)]


def test_a_study_of_which_a_part_has_run_has_no_contradictions(root: Path) -> None:
    assert told(small_study.opened(root)) == []


EDITS = {  # file -> keys and value of an edit that DVC was then told to take as the stage's own
    "data/archives/cub200/provenance.json": ("images.tgz", "kind", "official"),
    "data/resnet50/provenance.json": ("backbone.keras", "kind", "official"),
    "data/cifar100/manifest.json": ("provenance", "stand-in"),
    "data/features/manifest.json": ("images", 39),
    "data/variants/final.json": ("name", "finale"),
    "models/linear_head/run.json": ("provenance", "official"),
    "metrics/final.json": ("test", "accuracy", 0.99),
    "plots/summary.json": ("verdicts", "not run", 0),
}


@pytest.mark.parametrize("path", EDITS)
def test_an_edit_that_was_committed_is_found_and_nothing_is_told_that_follows_from_it(
    root: Path, path: str
) -> None:
    *keys, value = EDITS[path]
    small_study.edit_json(root / path, *keys, value=value)
    (line,) = told(small_study.opened(root))
    assert path.startswith(line.split()[0])


@pytest.mark.parametrize("path", EDITS)
def test_what_is_wrong_already_is_not_told_again(root: Path, path: str) -> None:
    *keys, value = EDITS[path]
    small_study.edit_json(root / path, *keys, value=value)
    workspace = small_study.opened(root)
    (stage,) = {out.stage for place, out in workspace.outs.items() if path.startswith(str(place))}
    assert told(workspace, wrong={stage}) == []
    assert not any(path.startswith(line.split()[0]) for line in told(workspace, stale={stage}))


def test_what_is_stale_is_still_compared_with_what_was_made_of_it(root: Path) -> None:
    small_study.edit_json(root / "models/final/run.json", "seed", value=1)
    (line,) = told(small_study.opened(root), stale={"resolve"})
    assert line == "models/final says seed 1, expected 0"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"sources": {"a": 0}}'])
@pytest.mark.parametrize("path", EDITS)
def test_whatever_is_no_such_record_is_a_finding_and_no_crash(root: Path, path: str, content: bytes) -> None:
    (root / path).write_bytes(content)
    (line,) = told(small_study.opened(root))
    assert path.startswith(line.split()[0])


@pytest.mark.parametrize(
    "path",
    [
        "data/cub200/labels.npy",
        "data/features/pooled.npy",
        "models/final/history.csv",
        "models/final/predictions.npz",
    ],
)
@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"\x80\x04."])
def test_whatever_is_no_such_array_is_a_finding_and_no_crash(root: Path, path: str, content: bytes) -> None:
    (root / path).write_bytes(content)
    folder = (root / path).parent
    if folder.name == "features":
        small_study.note_features(folder, 40)
    elif folder.name == "final":
        small_study.note_model(root, "final")
    (line,) = told(small_study.opened(root))
    assert path.startswith(line.split()[0])


def test_a_repair_removes_the_object_too_lest_dvc_fetch_it_again(root: Path) -> None:
    small_study.edit_json(root / "models/final/run.json", "seed", value=1)
    workspace = small_study.opened(root)
    object_ = root / cached(workspace.outs[Path("models/final")].md5)
    assert object_.exists()
    (finding,) = contradictions(workspace, set(), set())
    assert str(finding) == (
        "models/final says seed 1, expected 0; `dvc repro --force --single-item train@final`"
    )
    finding.repair()
    assert not object_.exists()
    assert not (root / "models/final").exists()


def test_what_has_not_run_is_not_compared(root: Path) -> None:
    shutil.rmtree(root / "models/final")
    (root / "metrics/final.json").unlink()
    workspace = Workspace(root, small_study.PARAMS)
    assert told(workspace) == []
