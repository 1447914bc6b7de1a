"""The workspace checked as a whole, on a small study of real DVC: what it finds, says and heals."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import small_study

from stages.inspection.workspaces import Workspace, ignored

ROOT = Path(__file__).parent.parent
PIPELINE = """
stages:
  resolve:
    cmd: cp -r made/data/variants data/
    deps: [params.yaml]
    outs: [data/variants]
  download:
    foreach: [cifar100, cub200, resnet50]
    do:
      cmd: cp -r made/data/archives/${item} data/archives/
      params: ["sources.${item}"]
      outs: ["data/archives/${item}"]
  prepare:
    foreach: [cifar100, cub200]
    do:
      cmd: cp -r made/data/${item} data/
      deps: ["data/archives/${item}"]
      params: ["datasets.${item}"]
      outs: ["data/${item}"]
  build_backbone:
    cmd: cp -r made/data/resnet50 data/
    deps: [data/archives/resnet50]
    outs: [data/resnet50]
  cache_features:
    cmd: cp -r made/data/features data/
    deps: [data/cub200/images.npy, data/resnet50/backbone.keras]
    outs: [data/features]
  train:
    foreach: ${variants}
    do:
      cmd: cp -r made/models/${key} models/
      deps: [data/cifar100, "data/variants/${key}.json"]
      outs: ["models/${key}"]
  train_head:
    foreach: ${heads}
    do:
      cmd: cp -r made/models/${key} models/
      deps: [data/cub200, data/features, data/resnet50, "data/variants/${key}.json"]
      outs: ["models/${key}"]
  evaluate:
    foreach: ${variants}
    do: &evaluate
      cmd: cp made/metrics/${key}.json metrics/ && cp made/plots/variants/${key}/* plots/variants/${key}/
      deps: ["models/${key}"]
      metrics:
      - "metrics/${key}.json": {cache: false}
      plots:
      - "plots/variants/${key}/loss.csv": {cache: false}
  evaluate_head:
    foreach: ${heads}
    do: *evaluate
  compare:
    cmd: cp made/plots/summary.* plots/
    deps: [metrics, plots/variants]
    params: [report, variants, heads, fine_tunes]
    metrics:
    - plots/summary.json: {cache: false}
    outs:
    - plots/summary.csv: {cache: false}
    - plots/summary.md: {cache: false}
"""
RUN = ("compare", "evaluate@final", "evaluate_head@linear_head")  # and what they need; not_run is not run
FOLDERS = ("data/archives", "models", "metrics", "plots/variants/final", "plots/variants/linear_head")
COMMITTED = ("train@final", "evaluate_head@linear_head", "evaluate@final", "compare")
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


def reproduce(folder: Path) -> None:
    """Runs what the fixture has run; `compare` by itself, as it needs all variants."""
    for targets in (RUN[1:], ("--single-item", "compare")):
        done = call(folder, "dvc", "repro", *targets)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify") / "study"
    small_study.write(folder / "made")
    shutil.move(folder / "made/params.yaml", folder / "params.yaml")
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    (folder / "dvc.yaml").write_text(PIPELINE)
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        assert call(folder, *command).returncode == 0
    shutil.copy(ROOT / ".dvcignore", folder)
    shutil.copy(ROOT / ".dvc/config", folder / ".dvc")
    reproduce(folder)
    return folder


@pytest.fixture
def study(reproduced: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy to break, its files linked to its cache as DVC left them."""
    folder = tmp_path / "study"
    assert call(tmp_path, "cp", "-a", str(reproduced), str(folder)).returncode == 0
    yield folder
    shutil.rmtree(folder)


def unlinked(path: Path) -> Path:
    """Makes a file one of its own, that an edit does not reach the cache by."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    return path


def cached(folder: Path, content: bytes) -> Path:
    """The object in the cache with this content."""
    return next(
        path for path in (folder / OBJECTS).rglob("*") if path.is_file() and path.read_bytes() == content
    )


def test_nothing_is_wrong_after_a_part_of_the_study_has_run(study: Path) -> None:
    assert verify(study) == (0, [])


def test_an_object_with_other_bytes_is_found_where_dvc_says_all_is_up_to_date(study: Path) -> None:
    unlinked(study / "models/final/model.keras")
    object_ = cached(study, b"the network of final")
    object_.chmod(0o644)
    object_.write_bytes(b"the natwork of final")
    object_.chmod(0o444)  # as DVC leaves it, and then trusts it
    assert "up to date" in call(study, "dvc", "status", *RUN).stdout
    assert verify(study) == (
        1,
        [
            "models/final/model.keras has other bytes in the cache than dvc.lock says; "
            "remove it, then `dvc repro train@final`"
        ],
    )


def test_all_that_is_damaged_or_missing_is_made_again_after_a_repair(study: Path) -> None:
    object_ = study / "data/cub200/images.npy"  # one file with the object in the cache
    object_.chmod(0o644)
    object_.write_bytes(object_.read_bytes()[:-1] + b"?")
    object_.chmod(0o444)
    listing = next(path for path in (study / OBJECTS).rglob("*.dir") if '"maps.npy"' in path.read_text())
    listing.chmod(0o644)
    listing.write_text("[]")
    listing.chmod(0o444)
    (study / "models/final/added.txt").write_text("added")
    unlinked(study / "models/linear_head/history.csv").write_text("edited")
    (study / "metrics/final.json").unlink()
    shutil.rmtree(study / "data/resnet50")
    (study / "models/.final.partial").mkdir()
    (study / "models/.final.lock").write_text("123")
    (study / ".dvc/tmp/rwlock").write_text("")
    assert call(study, "dvc", "repro", "resolve").returncode != 0
    assert sorted(line.split(";")[0] for line in verify(study, "--repair")[1]) == [
        ".dvc/tmp/rwlock is not what DVC can read, so that every dvc repro fails",
        "data/cub200 is not what its stage wrote",
        "data/cub200/images.npy has other bytes in the cache than dvc.lock says",
        "data/features has other bytes in the cache than dvc.lock says",
        "data/resnet50 is missing",
        "metrics/final.json is missing",
        "models/.final.lock was left by a killed process",
        "models/.final.partial was left by a killed process",
        "models/final is not what its stage wrote",
        "models/linear_head is not what its stage wrote",
    ]
    reproduce(study)
    assert verify(study) == (0, [])


def test_what_was_edited_and_committed_is_made_again_after_a_repair(study: Path) -> None:
    small_study.edit_json(unlinked(study / "models/final/run.json"), "provenance", value="stand-in")
    small_study.edit_json(study / "metrics/linear_head.json", "test", "accuracy", value=0.99)
    true = json.loads((study / "made/metrics/linear_head.json").read_text())["test"]["accuracy"]
    assert call(study, "dvc", "commit", "--force", *COMMITTED).returncode == 0
    assert "up to date" in call(study, "dvc", "status", *COMMITTED).stdout
    assert verify(study, "--repair")[1] == [
        "models/final says provenance 'stand-in', expected 'official';"
        " `dvc repro --force --single-item train@final`",
        f"metrics/linear_head.json says test.accuracy 0.99, its predictions give {true};"
        " `dvc repro --force --single-item evaluate_head@linear_head`",
    ]
    reproduce(study)
    assert verify(study) == (0, [])


def test_metrics_of_an_older_model_are_found(study: Path) -> None:
    small_study.edit_json(study / "made/models/final/run.json", "settings", value={"other": 1})
    done = call(study, "dvc", "repro", "--force", "--single-item", "train@final")
    assert done.returncode == 0, done.stderr
    assert verify(study)[1] == ["metrics/final.json is older than models/final; `dvc repro evaluate@final`"]


def test_a_dvc_lock_that_is_cut_off_is_found_and_mended(study: Path) -> None:
    lock = study / "dvc.lock"
    whole = lock.read_text()
    for end in (0, 10, whole.index("md5: ", whole.index("  train@final:")) + 2, whole.rindex("md5: ") + 2):
        lock.write_text(whole[:end])
        assert call(study, "dvc", "status", "resolve").returncode != 0
        assert verify(study, "--repair") == (
            1,
            [
                "dvc.lock is not whole, as DVC leaves it when it is killed while it writes it;"
                " `git checkout dvc.lock`, or --repair keeps the entries before the break"
            ],
        )
        assert call(study, "dvc", "status", "resolve").returncode == 0
    assert [line.split(",")[0] for line in verify(study)[1] if line.startswith("plots/summary.md")] == [
        "plots/summary.md is the output of no stage in dvc.lock"
    ]
    reproduce(study)
    assert verify(study) == (0, [])


def test_results_of_other_parameters_are_found(study: Path) -> None:
    params = (study / "params.yaml").read_text()
    assert "image_size: 8" in params
    (study / "params.yaml").write_text(params.replace("image_size: 8", "image_size: 9", 1))
    assert verify(study)[1] == [
        "data/variants is older than params.yaml; `dvc repro resolve`",
        "data/cifar100 was made with another datasets.cifar100 than params.yaml has;"
        " `dvc repro prepare@cifar100`",
    ]


def test_all_that_a_removed_variant_left_is_found_and_pruned(study: Path) -> None:
    params = (study / "params.yaml").read_text()
    before = (study / "dvc.lock").read_text()
    removed = params.replace("linear_head", "other_head")
    (study / "params.yaml").write_text(removed)
    assert verify(study, "--repair")[1] == [
        "data/variants is older than params.yaml; `dvc repro resolve`",
        "plots/summary.csv was made with another heads than params.yaml has; `dvc repro compare`",
        "models/linear_head belongs to 'linear_head', which is no variant of params.yaml; remove it",
        "plots/variants/linear_head belongs to 'linear_head', which is no variant of params.yaml; remove it",
        "metrics/linear_head.json belongs to 'linear_head', which is no variant of params.yaml; remove it",
        "dvc.lock has an entry of 'train_head@linear_head', which is no stage of dvc.yaml; remove that entry",
        "dvc.lock has an entry of 'evaluate_head@linear_head', which is no stage of dvc.yaml;"
        " remove that entry",
    ]
    after = (study / "dvc.lock").read_text()
    lines = iter(before.splitlines())
    assert all(line in lines for line in after.splitlines()), "what is left is not as it was"
    status = call(study, "dvc", "status", "evaluate@final")
    assert (status.returncode, status.stderr) == (0, "")
    assert [line.split(";")[0] for line in verify(study)[1]] == [
        "data/variants is older than params.yaml",
        "plots/summary.csv is older than metrics",
    ]


def test_a_half_written_file_in_an_output_is_no_edit_of_it(study: Path) -> None:
    places = [f"{folder}/.half.partial" for folder in ("data/archives/cub200", "data/cub200", "models/final")]
    for place in places:
        (study / place).write_text("half")
    assert verify(study)[1] == [f"{place} was left by a killed process; remove it" for place in places]
    assert "up to date" in call(study, "dvc", "status", *RUN).stdout


def test_nothing_is_repaired_while_dvc_runs(study: Path) -> None:
    lock = study / ".dvc/tmp/rwlock"
    lock.write_text(json.dumps({"write": {"models/x": {"pid": os.getpid(), "cmd": "dvc repro"}}}))
    (study / "models/.final.partial").mkdir()
    done = call(study, sys.executable, "-m", "stages.verify", "--repair")
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        f"error: process {os.getpid()} runs `dvc repro` here; repair when it has ended\n",
    )
    assert (study / "models/.final.partial").is_dir()
    assert verify(study)[1][0] == (
        f".dvc/tmp/rwlock says that process {os.getpid()} runs `dvc repro` here, so what it writes is not"
        " whole yet; verify again when it has ended; if that is another program, remove the file"
    )


def test_nothing_is_forgotten_where_dvc_cannot_read_the_pipeline(study: Path) -> None:
    before = (study / "dvc.lock").read_text()
    (study / "dvc.yaml").write_text("stages: {a: {}}\n")
    done = call(study, sys.executable, "-m", "stages.verify", "--repair")
    assert done.returncode == 1
    assert done.stderr.startswith("error: DVC cannot read the pipeline:\n")
    assert (study / "dvc.lock").read_text() == before


def test_without_a_lock_there_is_nothing_to_check(tmp_path: Path) -> None:
    done = call(tmp_path, sys.executable, "-m", "stages.verify")
    assert done.returncode == 1
    assert done.stderr == (
        "error: no dvc.lock; run the command in the study's folder, after a first `dvc repro`\n"
    )


def test_a_file_is_hashed_as_dvc_does_and_what_it_ignores_is_left_out(study: Path) -> None:
    for name in ("é ü.txt", "b/a", "b.c", "b-d", ".x.lock", ".y.partial", "b/z.pyc", "__pycache__/a"):
        (study / "odd" / name).parent.mkdir(parents=True, exist_ok=True)
        (study / "odd" / name).write_text(name)
    assert call(study, "dvc", "add", "--no-commit", "odd").returncode == 0
    recorded = (study / "odd.dvc").read_text()
    hashed = Workspace(study, {}, ignored=ignored(study)).md5(Path("odd"))
    assert f"md5: {hashed}\n" in recorded
    assert f"md5: {Workspace(study, {}).md5(Path('odd'))}\n" not in recorded


def test_verify_needs_no_tensorflow() -> None:
    code = "import sys, stages.verify; print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    assert call(ROOT, sys.executable, "-c", code).stdout == "[]\n"
