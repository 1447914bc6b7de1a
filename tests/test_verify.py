"""`verify` on a small project of real DVC: what it finds, what it removes, and what it never touches."""

import io
import json
import os
import shutil
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout

import dvc_project
import pytest
from commands import call, succeed

from dvc_parallel.tests import pipelines
from stages import verify
from stages.results import evaluation

# 2026-11: DVC 3.67 asks pygtrie for the value of a missing step
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value will soon raise:DeprecationWarning")
OBJECTS = ".dvc/cache/files/md5"
RESTORE = "`dvc checkout models/final`, or if that fails `dvc repro train@final`"


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify") / "study"
    dvc_project.write(folder)
    return folder


@pytest.fixture
def study(reproduced, tmp_path, monkeypatch):
    """A copy to break, its files linked to its cache as DVC left them."""
    succeed(tmp_path, "cp", "-a", str(reproduced), "study")
    for name, value in pipelines.environment().items():
        monkeypatch.setenv(name, value)
    return tmp_path / "study"


def check(folder, *options):
    """Returns the lines that verify prints, without the closing one, which must agree with its exit code."""
    streams = redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO())
    with chdir(folder), streams[0] as out, streams[1] as err, pytest.raises(SystemExit) as end:
        verify.main(list(options))
    assert err.getvalue() == ""
    *lines, last = out.getvalue().splitlines()
    n = len([line for line in lines if not line.startswith((" ", "note: "))])
    assert (last, end.value.code) == (f"{n} finding{'s' if n != 1 else ''}", 1 if n else 0)
    return lines


def snapshot(folder):
    """Returns the bytes of all files but DVC's and Git's own notes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    relative = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return {
        name: content for name, content in relative.items() if not name.startswith((".git/", ".dvc/tmp/"))
    }


def unlinked(path):
    """Makes a file one of its own, so that an edit of it does not reach the cache."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    return path


def overwrite(path, content):
    """Writes other bytes in place, read-only as DVC left them and then trusts them."""
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


def cached(folder, content):
    """Returns the place of the object with this content in the cache."""
    paths = (path for path in (folder / OBJECTS).rglob("*") if path.is_file())
    return str(next(path for path in paths if content in path.read_bytes()).relative_to(folder))


def add_files_of_the_user(folder):
    shutil.copytree(folder / "models/final", folder / "models/final_backup")
    (folder / "metrics/notes.json").write_text("{}")
    for name in (".mine.lock", "models/.mine.lock", "models/mine.partial", "data/mine.npy"):
        (folder / name).write_text("")


def test_a_finished_study_with_files_of_the_user_in_it_has_no_findings(study):
    add_files_of_the_user(study)
    (study / "models/final/.DS_Store").write_text("")
    before = snapshot(study)
    assert check(study, "--repair") == []
    assert snapshot(study) == before


def test_damaged_objects_are_removed_where_dvc_says_all_is_up_to_date_and_sound_outputs_stay(study):
    unlinked(study / "models/final/seed-0/model.keras")
    model, listing = cached(study, b"the network of final, seed 0"), cached(study, b'"relpath": "images.npy"')
    overwrite(study / model, b"the natwork of final, seed 0")
    assert "up to date" in succeed(study, "dvc", "status")
    overwrite(study / listing, b"[")
    before = snapshot(study)
    lost = "is not in DVC's cache, so that DVC would run its stage again; `dvc commit"
    lost_birds = f"data/birds {lost} prepare` stores it"
    assert sorted(check(study, "--repair")) == sorted(
        [
            lost_birds,
            f"{model} is the cache's copy of models/final/seed-0/model.keras and damaged;"
            " remove it, then `dvc commit train@final`",
            f"  removed {model}",
            f"{listing} is the cache's copy of data/birds and damaged; remove it, then `dvc commit prepare`",
            f"  removed {listing}",
        ]
    )
    assert snapshot(study) == {
        name: content for name, content in before.items() if name not in (model, listing)
    }
    assert check(study) == [lost_birds, f"models/final {lost} train@final` stores it"]
    succeed(study, "dvc", "commit")
    assert check(study) == []


def test_a_repair_removes_the_damaged_and_the_temporary_and_dvc_makes_it_again(study):
    add_files_of_the_user(study)
    overwrite(study / "data/birds/images.npy", b"one file with the object in the cache")
    unlinked(study / "models/final/seed-1/history.csv").write_text("edited")
    (study / "models/final/notes.txt").write_text("written by the user")
    (study / "metrics/other.json").write_text("{}")
    shutil.rmtree(study / "models/other")
    (study / "models/.final.partial").mkdir()
    (study / "models/.final.lock").write_text("123")
    (study / ".dvc/tmp/rwlock").write_text("")
    assert call(study, "dvc", "repro").returncode != 0
    images = cached(study, b"one file with")
    before = snapshot(study)
    assert sorted(check(study, "--repair")) == sorted(
        [
            ".dvc/tmp/rwlock is damaged, so that every `dvc repro` fails; remove it",
            "  removed .dvc/tmp/rwlock",
            f"{images} is the cache's copy of data/birds/images.npy and damaged;"
            " remove it, then `dvc repro prepare`",
            f"  removed {images}",
            "data/birds/images.npy differs from its hash in dvc.lock;"
            " remove it, then `dvc checkout data/birds`, or if that fails `dvc repro prepare`",
            "  removed data/birds/images.npy",
            "metrics/other.json differs from its hash in dvc.lock; remove it, then `dvc checkout"
            " metrics/other.json`, or if that fails `dvc repro evaluate@other`",
            "  removed metrics/other.json",
            "models/.final.lock was left by a killed process; remove it",
            "  removed models/.final.lock",
            "models/.final.partial was left by a killed process; remove it",
            "  removed models/.final.partial",
            f"models/final/seed-1/history.csv differs from its hash in dvc.lock; remove it, then {RESTORE}",
            "  removed models/final/seed-1/history.csv",
            "models/final/notes.txt was not written by train@final; move it elsewhere, or DVC may remove it",
            f"models/other is missing; {RESTORE.replace('final', 'other')}",
        ]
    )
    gone = {
        images,
        "data/birds/images.npy",
        "metrics/other.json",
        "models/.final.lock",
        "models/final/seed-1/history.csv",
    }
    assert snapshot(study) == {name: content for name, content in before.items() if name not in gone}
    (study / "models/final/notes.txt").rename(study / "notes.txt")
    pipelines.repro(study)
    assert check(study) == []
    assert (study / "models/final_backup/seed-0/model.keras").exists()


def test_a_folder_whose_list_of_files_is_lost_is_left_to_dvc(study):
    (study / "models/final/added.txt").write_text("perhaps the only difference")
    for path in (study / OBJECTS).rglob("*.dir"):
        path.unlink()
    before = snapshot(study)
    lines = check(study, "--repair")
    assert (
        "models/final differs from its hash in dvc.lock, and the cache has no list of its files;"
        " `dvc repro --force --single-item train@final` makes it again"
    ) in lines
    assert snapshot(study) == before


def test_a_contradiction_between_sound_outputs_removes_nothing(study):
    metrics = json.loads((study / "metrics/final.json").read_text())
    accuracy = metrics["test"]["accuracy"]
    metrics["test"]["accuracy"] = 0.99
    (study / "metrics/final.json").write_text(json.dumps(metrics))
    unlinked(study / "models/other/seed-0/run.json").write_text('{"sha256": {"history.csv": "0"}}')
    succeed(study, "dvc", "commit", "--force")
    before = snapshot(study)
    assert sorted(check(study, "--repair")) == [
        f"metrics/final.json says test.accuracy 0.99, the predictions in models/final give {accuracy};"
        " `dvc repro --force --single-item evaluate@final`",
        "models/other holds files that differ from the hashes in their run.json, or no seeds of one recipe;"
        " `dvc repro --force --single-item train@other`",
    ]
    assert snapshot(study) == before


# --- checks that fail to run


def test_a_measure_that_fails_is_reported_and_removes_nothing(study, monkeypatch):
    before = snapshot(study)
    monkeypatch.setattr(evaluation, "metrics", lambda trained: trained["a key of another version"])
    lines = check(study, "--repair")
    reason = "could not be checked: 'TrainedVariant' object is not subscriptable; nothing was removed"
    assert lines == [*(f"metrics/{name}.json {reason}" for name in ("final", "other"))]
    assert snapshot(study) == before


def test_nothing_is_removed_where_dvc_cannot_read_the_pipeline(study):
    (study / "dvc.yaml").write_text("stages: {a: {}}\n")
    (study / "models/.final.partial").mkdir()
    before = snapshot(study)
    lines = check(study, "--repair")
    assert lines[0].startswith("dvc.lock could not be checked: DVC cannot read the pipeline: './dvc.yaml'")
    assert lines[0].endswith("; nothing was removed")
    assert snapshot(study) == before
    assert (study / "models/.final.partial").exists()


def test_nothing_is_repaired_while_dvc_runs(study):
    noted = {"write": {"models/x": {"pid": os.getpid(), "cmd": "dvc repro"}}}
    (study / ".dvc/tmp/rwlock").write_text(json.dumps(noted))
    (study / "models/.final.partial").mkdir()
    done = call(study, sys.executable, "-m", "stages.verify", "--repair")
    message = f"process {os.getpid()} (`dvc repro`) is running here"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: {message}; run --repair when it has ended\n"
    assert (study / "models/.final.partial").is_dir()


# --- dvc.lock


def test_a_dvc_lock_that_is_cut_off_is_made_again_from_the_cache(study):
    lock = study / "dvc.lock"
    whole = lock.read_text()
    lock.write_text(whole[: whole.rindex("md5: ") + 9])
    before = snapshot(study)
    assert check(study, "--repair") == [
        "dvc.lock could not be checked: dvc.lock is cut off, as a killed DVC leaves it; `git checkout"
        " dvc.lock`, or remove it, then `dvc repro`, which takes what has run from its cache; nothing was"
        " removed"
    ]
    assert snapshot(study).keys() == before.keys()
    lock.unlink()
    assert "Stage 'train@final' is cached - skipping run" in succeed(study, "dvc", "repro")
    assert lock.read_text() == whole
    assert check(study) == []


def test_without_dvc_lock_it_says_what_to_run(tmp_path):
    assert check(tmp_path) == [
        "dvc.lock could not be checked: dvc.lock does not exist; run the command in the study's folder,"
        " after a `dvc repro`; nothing was removed"
    ]


def test_outputs_that_are_out_of_date_or_unrecorded_are_found(study):
    params = (study / "params.yaml").read_text()
    (study / "params.yaml").write_text(params.replace("birds: 3", "birds: 4"))
    lock = (study / "dvc.lock").read_text().splitlines(keepends=True)
    start = lock.index("  evaluate@final:\n")
    end = next(n for n in range(start + 1, len(lock)) if lock[n].startswith("  ") and lock[n][2] != " ")
    (study / "dvc.lock").write_text("".join(lock[:start] + lock[end:]))
    before = snapshot(study)
    assert sorted(check(study, "--repair")) == [
        "data/birds is out of date: params.yaml:birds changed; `dvc repro prepare`",
        "metrics/final.json is in no entry of dvc.lock, so its origin is unknown;"
        " `dvc repro evaluate@final` makes it again",
    ]
    assert snapshot(study) == before


def test_stages_of_another_study_are_one_note_and_no_findings_and_their_outputs_stay(study):
    (study / "params.yaml").write_text(dvc_project.PARAMS.replace("  other: {seed: 1}\n", ""))
    (study / "models/.other.partial").mkdir()
    before = snapshot(study)
    assert check(study, "--repair") == [
        "note: stages in dvc.lock that dvc.yaml lacks, removed or of another study (2):"
        " train@other, evaluate@other; they do no harm, and their outputs stay",
        "models/.other.partial was left by a killed process; remove it",
        "  removed models/.other.partial",
    ]
    assert snapshot(study) == before
