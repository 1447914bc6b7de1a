"""The workspace checked as a whole, on a small project of real DVC: what it finds, says and heals."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages.results.classification import measure
from stages.results.predictions import read_predictions

ROOT = Path(__file__).parent.parent
PIPELINE = """
stages:
  train_final:
    cmd: mkdir -p models && cp -r made models/final
    deps:
      - made
    outs:
      - models/final
  evaluate_final:
    cmd: cp made.json metrics/final.json
    deps:
      - models/final
    metrics:
      - metrics/final.json:
          cache: false
"""
OBJECTS = ".dvc/cache/files/md5"


def call(folder: Path, *command: str) -> subprocess.CompletedProcess:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def verify(folder: Path, *options: str) -> tuple[int, list[str]]:
    """Returns the exit code and the lines of the findings, without the closing one."""
    done = call(folder, sys.executable, "-m", "stages.verify", *options)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()[:-1]


def write_predictions(path: Path) -> None:
    """Writes probabilities of 20 pictures of 3 classes in each split."""
    rng = np.random.default_rng(0)
    arrays = {"class_names": np.array(["ant", "bee", "cow"])}
    for split in ("validation", "test"):
        arrays[f"{split}_probabilities"] = rng.dirichlet([1, 1, 1], 20).astype(np.float32)
        arrays[f"{split}_labels"] = rng.integers(0, 3, 20)
    np.savez(path, **arrays)


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    (folder / "made").mkdir()
    (folder / "metrics").mkdir()
    write_predictions(folder / "made" / "predictions.npz")
    (folder / "made" / "model.keras").write_text("a network")
    measured = read_predictions(folder / "made" / "predictions.npz")
    metrics = {"validation": measure(measured.validation), "test": measure(measured.test)}
    (folder / "made.json").write_text(json.dumps(metrics))
    (folder / "params.yaml").write_text("variants: {final: {}}\n")
    (folder / "dvc.yaml").write_text(PIPELINE)
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"], ["dvc", "repro"]):
        done = call(folder, *command)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def project(reproduced: Path, tmp_path: Path) -> Path:
    """A copy to break, its files no links."""
    folder = tmp_path / "project"
    assert call(tmp_path, "cp", "-r", str(reproduced), str(folder)).returncode == 0
    assert call(folder, "chmod", "-R", "u+w", ".").returncode == 0
    return folder


def cached(folder: Path, content: bytes) -> Path:
    """The object in the cache with this content."""
    return next(
        path for path in (folder / OBJECTS).rglob("*") if path.is_file() and path.read_bytes() == content
    )


def test_nothing_is_wrong_after_repro(project: Path) -> None:
    assert verify(project) == (0, [])


def test_an_object_with_other_bytes_is_found_where_dvc_says_all_is_up_to_date(project: Path) -> None:
    object_ = cached(project, b"a network")
    object_.write_bytes(b"a natwork")
    object_.chmod(0o444)  # as DVC leaves it, and then trusts it
    assert "up to date" in call(project, "dvc", "status").stdout
    assert verify(project) == (
        1,
        [
            "models/final/model.keras has other bytes in the cache than dvc.lock says; "
            "remove it, then `dvc repro train_final`"
        ],
    )


def test_repair_of_a_damaged_object_lets_dvc_make_it_again(project: Path) -> None:
    cached(project, b"a network").write_bytes(b"a natwork")
    code, _ = verify(project, "--repair")
    assert code == 1
    assert call(project, "dvc", "repro").returncode == 0
    assert verify(project) == (0, [])
    assert (project / "models/final/model.keras").read_text() == "a network"


def test_a_damaged_list_of_a_folders_files_is_found(project: Path) -> None:
    (listed,) = (project / OBJECTS).rglob("*.dir")
    listed.write_text("[]")
    (line,) = verify(project)[1]
    assert line.startswith("models/final has other bytes in the cache than dvc.lock says; ")


@pytest.mark.parametrize("name", ["models/final/model.keras", "models/final/added.txt"])
def test_an_edited_output_is_found_and_repaired(project: Path, name: str) -> None:
    (project / name).write_text("edited")
    assert verify(project, "--repair")[1] == [
        "models/final is not what its stage wrote; remove it, then `dvc repro train_final`"
    ]
    assert call(project, "dvc", "repro").returncode == 0
    assert verify(project) == (0, [])


def test_a_missing_output_is_found(project: Path) -> None:
    (project / "metrics/final.json").unlink()
    assert verify(project)[1] == [
        "metrics/final.json is missing; `dvc checkout`, or where that fails `dvc repro evaluate_final`"
    ]


def test_metrics_that_do_not_follow_from_the_predictions_are_found(project: Path) -> None:
    path = project / "metrics/final.json"
    metrics = json.loads(path.read_text())
    true = metrics["test"]["accuracy"]
    metrics["test"]["accuracy"] = 0.99
    path.write_text(json.dumps(metrics))
    assert verify(project)[1] == [
        "metrics/final.json is not what its stage wrote; remove it, then `dvc repro evaluate_final`",
        f"metrics/final.json says test.accuracy 0.99, its predictions give {true}; "
        "remove it, then `dvc repro`",
    ]


def test_the_leftovers_of_a_renamed_variant_are_found_and_pruned(project: Path) -> None:
    (project / "models/finale").mkdir()
    (project / "metrics/finale.json").write_text("{}")
    code, lines = verify(project, "--repair")
    assert (code, lines) == (
        1,
        [
            "metrics/finale.json belongs to 'finale', which is no variant of params.yaml; remove it",
            "models/finale belongs to 'finale', which is no variant of params.yaml; remove it",
        ],
    )
    assert verify(project) == (0, [])


def test_what_a_kill_left_is_found_and_removed(project: Path) -> None:
    (project / "models/.final.partial").mkdir()
    (project / ".dvc/tmp/rwlock").write_text("")
    assert call(project, "dvc", "repro").returncode != 0
    assert verify(project, "--repair")[1] == [
        "models/.final.partial was left half-written by a killed process; remove it",
        ".dvc/tmp/rwlock is no JSON, so that every dvc repro fails; remove it",
    ]
    assert call(project, "dvc", "repro").returncode == 0
    assert verify(project) == (0, [])


def test_without_a_lock_there_is_nothing_to_check(tmp_path: Path) -> None:
    done = call(tmp_path, sys.executable, "-m", "stages.verify")
    assert done.returncode == 1
    assert done.stderr == (
        "error: no dvc.lock; run the command in the study's folder, after a first `dvc repro`\n"
    )


def test_a_half_written_file_in_an_output_is_no_edit_of_it(project: Path) -> None:
    (project / "models/final/.history.csv.partial").write_text("epoch")
    assert verify(project)[1] == [
        "models/final/.history.csv.partial was left half-written by a killed process; remove it"
    ]
