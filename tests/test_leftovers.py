"""What nothing needs any more, as an inspection finds it: former variants, and what killed processes left."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_study
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages import locks
from stages.inspection.leftovers import KILLED, leftovers
from stages.inspection.workspaces import Workspace

ALL_RUN = ("models/final", "models/linear_head", "metrics/final.json", "metrics/linear_head.json")
ALL_RUN += ("plots/variants/final/loss.csv", "plots/variants/linear_head/loss.csv")
ALL_RUN += ("plots/summary.csv", "plots/summary.json", "plots/summary.md")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    small_study.write(tmp_path)
    return tmp_path


def found(root: Path, outs: tuple[str, ...] = ALL_RUN) -> list[tuple[str, str]]:
    """Returns place and problem of each finding; repairs must remove all, so that nothing is left."""
    stages = {"all": {"outs": [{"path": path, "md5": ""} for path in outs]}}
    workspace = Workspace(root, small_study.PARAMS, stages)
    findings = list(leftovers(workspace))
    for finding in findings:
        if finding.repair:
            finding.repair()
    assert [str(finding) for finding in leftovers(workspace) if finding.repair] == []
    return [(str(finding.place), finding.problem) for finding in findings]


def write_checkpoint(path: Path, **header: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, header=np.array(json.dumps(header)), variable_0=np.zeros(3))


def variant(root: Path, name: str) -> dict[str, Any]:
    return json.loads((root / f"data/variants/{name}.json").read_text())


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"something")
    return path


@pytest.fixture(params=["while nobody writes it", "while it is written"])
def is_written(request: pytest.FixtureRequest) -> bool:
    return request.param == "while it is written"


@pytest.fixture
def held(root: Path) -> Iterator[Any]:
    """A function that holds a lock until the end of the test."""
    open_locks = []

    def hold(path: str) -> None:
        lock = locks.held(root / path)
        lock.__enter__()
        open_locks.append(lock)

    yield hold
    for lock in open_locks:
        lock.__exit__(None, None, None)


def test_a_study_of_which_a_part_has_run_has_no_leftovers(root: Path) -> None:
    assert found(root) == []


@pytest.mark.parametrize(
    "path", ["models/finale/model.keras", "plots/variants/finale/loss.csv", "metrics/finale.json"]
)
def test_results_of_what_is_no_variant_are_leftovers(root: Path, path: str) -> None:
    write(root / path)
    ((place, problem),) = found(root)
    assert path.startswith(place)
    assert problem == "belongs to 'finale', which is no variant of params.yaml"


@pytest.mark.parametrize(
    "out", ["models/final", "metrics/final.json", "plots/variants/final/loss.csv", "plots/summary.md"]
)
def test_a_result_that_no_stage_recorded_is_found_but_not_removed(root: Path, out: str) -> None:
    ((place, problem),) = found(root, tuple(path for path in ALL_RUN if path != out))
    assert out.startswith(place)
    assert (root / out).exists()
    assert problem == "is the output of no stage in dvc.lock, so that nobody knows what it was made from"


@pytest.mark.parametrize(
    "path",
    [
        "models/.final.partial",
        "models/.final.replaced.partial",
        "data/archives/.cub200.partial",
        "data/cub200/.manifest.json.partial",
        "plots/.summary.csv.partial",
        ".demo.partial",
        ".checkpoints/models/.final.npz.partial",
    ],
)
def test_what_is_half_written_is_a_leftover_unless_somebody_writes_it(
    root: Path, path: str, is_written: bool, held: Any
) -> None:
    write(root / path)
    if is_written:
        held(path.replace(".replaced.partial", ".lock").replace(".partial", ".lock"))
    assert found(root) == ([] if is_written else [(path, KILLED)])
    assert (root / path).exists() == is_written


@pytest.mark.parametrize(
    "path",
    [
        "models/.final.lock",
        "data/.features.lock",
        ".checkpoints/models/final.lock",
        ".checkpoints/data/features.lock",
        ".demo.lock",
    ],
)
def test_a_lock_is_a_leftover_unless_somebody_holds_it(
    root: Path, path: str, is_written: bool, held: Any
) -> None:
    write(root / path)
    if is_written:
        held(path)
    assert found(root) == ([] if is_written else [(path, KILLED)])
    assert (root / path).exists() == is_written


def test_a_lock_that_is_not_ours_is_left_alone(root: Path) -> None:
    write(root / "data/mine/uv.lock")
    write(root / "uv.lock")
    assert found(root) == []


@pytest.mark.parametrize("folder", ["data/cub200", "models", ".dvc/cache/files/md5/ab"])
def test_a_file_that_dvc_was_killed_at_is_a_leftover(root: Path, folder: str) -> None:
    path = f"{folder}/.8ZyRZbpUbdG6ZCcXZ0ZQ-_.tmp"
    write(root / path)
    write(root / folder / ".mine.tmp")
    assert found(root) == [(path, KILLED)]


def test_a_checkpoint_of_the_variant_as_it_is_now_is_none(root: Path) -> None:
    write_checkpoint(root / ".checkpoints/models/final.npz", variant=variant(root, "final"))
    assert found(root) == []
    assert (root / ".checkpoints/models/final.npz").exists()


def test_a_checkpoint_of_a_variant_that_is_not_resolved_yet_is_none(root: Path) -> None:
    write_checkpoint(root / ".checkpoints/models/final.npz", variant=variant(root, "final"))
    (root / "data/variants/final.json").unlink()
    assert found(root) == []


def test_a_checkpoint_of_other_knobs_or_code_is_a_leftover(root: Path) -> None:
    write_checkpoint(root / ".checkpoints/models/final.npz", variant=variant(root, "final") | {"epochs": 3})
    assert found(root) == [
        (".checkpoints/models/final.npz", "is of other knobs or code than its variant has now")
    ]


def test_a_stale_checkpoint_is_left_alone_while_a_training_holds_it(root: Path, held: Any) -> None:
    write_checkpoint(root / ".checkpoints/models/final.npz", variant={})
    held(".checkpoints/models/final.lock")
    assert found(root) == []
    assert (root / ".checkpoints/models/final.npz").exists()


def test_a_checkpoint_of_no_variant_is_a_leftover(root: Path) -> None:
    write_checkpoint(root / ".checkpoints/models/finale.npz", variant=variant(root, "final"))
    assert found(root) == [
        (".checkpoints/models/finale.npz", "belongs to 'finale', which is no variant of params.yaml")
    ]


@pytest.mark.parametrize(
    "damage", ["cut off", "empty", "flagged as encrypted", "no header", "no JSON", "no variant", "no object"]
)
def test_a_checkpoint_that_cannot_be_read_is_a_leftover(root: Path, damage: str) -> None:
    path = root / ".checkpoints/models/final.npz"
    write_checkpoint(path, variant=variant(root, "final"))
    match damage:
        case "cut off":
            path.write_bytes(path.read_bytes()[:-40])
        case "empty":
            path.write_bytes(b"")
        case "flagged as encrypted":
            content = bytearray(path.read_bytes())
            content[content.index(b"PK\x01\x02") + 8] |= 1
            path.write_bytes(content)
        case "no header":
            np.savez(path, variable_0=np.zeros(3))
        case "no JSON":
            np.savez(path, header=np.array("{"))
        case "no variant":
            np.savez(path, header=np.array("{}"))
        case "no object":
            np.savez(path, header=np.array("[]"))
    ((place, problem),) = found(root)
    assert place == ".checkpoints/models/final.npz"
    assert problem.startswith("is no readable checkpoint (")


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=4))
def test_no_damage_of_a_checkpoint_is_a_crash(root: Path, edits: list[tuple[int, int]]) -> None:
    path = root / ".checkpoints/models/final.npz"
    write_checkpoint(path, variant=variant(root, "final"))
    content = bytearray(path.read_bytes())
    for place, byte in edits:
        content[place % len(content)] = byte
    path.write_bytes(content)
    assert {place for place, _ in found(root)} <= {".checkpoints/models/final.npz"}


@pytest.mark.parametrize("path", ["final.npz", "models/final.h5", "models/final/weights.npz", "notes.txt"])
def test_a_file_of_no_known_checkpoint_is_a_leftover(root: Path, path: str) -> None:
    write(root / ".checkpoints" / path)
    assert found(root) == [(f".checkpoints/{path}", "is no checkpoint of this study")]


def write_features(root: Path, done: str) -> None:
    for name in ("maps.npy", "pooled.npy"):
        write(root / ".checkpoints/data/features" / name)
    (root / ".checkpoints/data/features/done.json").write_text(done)


def test_unfinished_features_that_say_how_far_they_are_are_none(root: Path) -> None:
    write_features(root, '{"inputs": [], "images": 32}')
    assert found(root) == []


@pytest.mark.parametrize("done", ["", "{}", "[]", "3"])
def test_unfinished_features_that_do_not_say_how_far_they_are_are_a_leftover(root: Path, done: str) -> None:
    write_features(root, done)
    assert [place for place, _ in found(root)] == [".checkpoints/data/features"]
    assert not (root / ".checkpoints/data/features").exists()


def test_features_that_are_being_extracted_are_left_alone(root: Path, held: Any) -> None:
    write_features(root, "")
    held(".checkpoints/data/features.lock")
    assert found(root) == []


def test_a_file_of_no_known_features_is_a_leftover(root: Path) -> None:
    write_features(root, '{"inputs": [], "images": 32}')
    write(root / ".checkpoints/data/features/more.npy")
    assert found(root) == [(".checkpoints/data/features/more.npy", "is no checkpoint of this study")]


def digits(source: str, name: str) -> str:
    return small_study.PARAMS["sources"][source][name]["sha256"][:12]


def test_downloads_that_params_yaml_names_are_none(root: Path, held: Any) -> None:
    name = f".downloads/{digits('cifar100', 'cifar.tgz')}-cifar.tgz"
    write(root / name).write_text("cifar100")  # the publisher's bytes
    write(root / f".downloads/{digits('cub200', 'images.tgz')}-images.tgz.partial")
    held(f"{name}.lock")
    assert found(root) == []


def test_a_download_that_is_not_the_publishers_is_a_leftover(root: Path) -> None:
    path = f".downloads/{digits('cifar100', 'cifar.tgz')}-cifar.tgz"
    write(root / path).write_text("cifar1OO")
    assert found(root) == [(path, "is not the publisher's file")]


def test_a_lock_of_a_killed_download_is_a_leftover(root: Path) -> None:
    path = f".downloads/{digits('cifar100', 'cifar.tgz')}-cifar.tgz.lock"
    write(root / path)
    assert found(root) == [(path, KILLED)]


@pytest.mark.parametrize("end", ["", ".partial", ".lock"])
def test_a_download_of_no_source_is_a_leftover(root: Path, end: str) -> None:
    path = f".downloads/0123456789ab-cifar.tgz{end}"
    write(root / path)
    assert found(root) == [(path, "belongs to no source of params.yaml")]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"write": []}'])
def test_an_rwlock_that_dvc_cannot_read_is_a_leftover(root: Path, content: str) -> None:
    write(root / ".dvc/tmp/rwlock").write_text(content)
    assert found(root) == [(".dvc/tmp/rwlock", "is not what DVC can read, so that every dvc repro fails")]


@pytest.mark.parametrize("content", ["{}", '{"write": {}, "read": {}}'])
def test_an_rwlock_that_dvc_can_read_is_none(root: Path, content: str) -> None:
    write(root / ".dvc/tmp/rwlock").write_text(content)
    assert found(root) == []
