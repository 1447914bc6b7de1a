"""What the study trusts DVC with, on a small project of real DVC: cache and locks, failures and kills.

What DVC does wrong is answered by `python -m stages.verify`; see test_verify.py too.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STAGE = '''
"""python make.py OUT NUMBER: makes a folder of files, as our stages do."""
import sys, time
from pathlib import Path
from stages.atomic import replacing
from stages.errors import InputError, run

def main():
    out, number = Path(sys.argv[1]), int(sys.argv[2])
    with Path("ran.txt").open("a") as file:
        file.write(f"{out.name}\\n")
    with replacing(out) as partial:
        partial.mkdir()
        for i in range(number):
            (partial / f"{i}.txt").write_text(f"{out.name} {i}")
        if out.name == "fails" and not Path("mended").exists():
            raise InputError("it cannot be made")
        while Path(f"{out.name}.wait").exists():
            time.sleep(0.01)

run(main)
'''
PIPELINE = """
stages:
  few:
    cmd: exec python make.py models/few 3
    params: [seed]
    outs: [models/few]
  many:
    cmd: exec python make.py models/many 3000
    params: [size]
    outs: [models/many]
  measured:
    cmd: cp models/few/0.txt results/few.txt
    deps: [models/few]
    outs:
    - results/few.txt: {cache: false}
  fails:
    cmd: exec python make.py models/fails 3
    outs: [models/fails]
  after:
    cmd: exec python make.py models/after 3
    deps: [models/fails]
    outs: [models/after]
  other:
    cmd: exec python make.py models/other 3
    outs: [models/other]
"""
RUN = ("few", "many", "measured")
SECONDS = 60  # to wait for what takes one
CAP_DAC_OVERRIDE, PR_CAPBSET_DROP = 1, 24  # linux/capability.h, linux/prctl.h


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}


def call(folder: Path, *command: str, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, **options)


def dvc(folder: Path, *arguments: str) -> str:
    """Runs DVC, which must succeed, and returns all it said."""
    done = call(folder, "dvc", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def verified(folder: Path, *options: str) -> list[str]:
    done = call(folder, sys.executable, "-m", "stages.verify", *options)
    assert done.stderr == ""
    return [line.partition(";")[0] for line in done.stdout.splitlines()[:-1]]


def wait_for(happened: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def ran(folder: Path) -> list[str]:
    """The outputs whose stages have run in this copy, one for each time."""
    return (folder / "ran.txt").read_text().split()


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dvc") / "project"
    for name in ("models", "results"):
        (folder / name).mkdir(parents=True)
    (folder / "make.py").write_text(STAGE)
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "params.yaml").write_text(
        "seed: 0\nsize: 3000\nvariants: {few: {}, many: {}, other: {}, fails: {}, after: {}}\n"
    )
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        assert call(folder, *command).returncode == 0
    shutil.copy(ROOT / ".dvcignore", folder)
    shutil.copy(ROOT / ".dvc/config", folder / ".dvc")
    dvc(folder, "repro", *RUN)
    return folder


@pytest.fixture
def project(reproduced: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy to break, its files linked to its cache as DVC left them, in which nothing has run yet."""
    folder = tmp_path / "project"
    assert call(tmp_path, "cp", "-a", str(reproduced), str(folder)).returncode == 0
    (folder / "ran.txt").write_text("")
    yield folder
    shutil.rmtree(folder)


def test_a_deleted_output_comes_back_from_the_cache(project: Path) -> None:
    shutil.rmtree(project / "models/few")
    (project / "models/many/7.txt").unlink()
    assert verified(project) == ["models/few is missing", "models/many is not what its stage wrote"]
    dvc(project, "repro", *RUN)
    assert ran(project) == []
    assert verified(project) == []


def test_an_edited_output_is_made_again(project: Path) -> None:
    (project / "models/few/added.txt").write_text("edited")
    (project / "results/few.txt").write_text("edited")
    assert verified(project) == [
        "models/few is not what its stage wrote",
        "results/few.txt is not what its stage wrote",
    ]
    dvc(project, "repro", *RUN)
    assert verified(project) == []
    assert (project / "results/few.txt").read_text() == "few 0"


def test_an_output_cannot_be_written_to_by_mistake(project: Path) -> None:
    modes = {path.stat().st_mode & 0o777 for path in (project / "models").rglob("*.txt")}
    assert modes == {0o444}


def test_a_killed_checkout_is_found_and_goes_on(project: Path) -> None:
    shutil.rmtree(project / "models/many")
    process = subprocess.Popen(["dvc", "checkout", "--quiet"], cwd=project, env=environment())
    wait_for(lambda: len(list((project / "models").glob("many/*"))) > 100)
    process.kill()
    process.wait()
    assert 100 < len(list((project / "models/many").iterdir())) < 3000, "it was killed too late"
    assert "models/many is not what its stage wrote" in verified(project)
    dvc(project, "checkout", "models/many")
    assert len(list((project / "models/many").glob("[0-9]*.txt"))) == 3000
    assert ran(project) == []


def test_what_a_killed_checkout_left_is_repaired_and_fetched_and_not_run_again(project: Path) -> None:
    for path in sorted((project / "models/many").iterdir())[500:]:
        path.unlink()
    (project / "models/many/.8ZyRZbpUbdG6ZCcXZ0ZQ-_.tmp").write_text("half of a fi")
    assert verified(project, "--repair")[0] == "models/many is not what its stage wrote"
    dvc(project, "repro", *RUN)
    assert ran(project) == []
    assert verified(project) == []


@pytest.mark.parametrize("file", ["rwlock", "lock"])
def test_a_lock_of_a_dead_dvc_is_taken_over(project: Path, file: str) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    holder = {"write": {"models/few": {"pid": dead.pid, "cmd": "dvc repro"}}}
    (project / ".dvc/tmp" / file).write_text(json.dumps(holder) if file == "rwlock" else f" {dead.pid}\n")
    assert verified(project) == []
    dvc(project, "repro", "--force", "few")
    assert ran(project) == ["few"]


@pytest.fixture
def started(project: Path) -> Iterator[Callable[[str], subprocess.Popen]]:
    """A function that starts `dvc repro` of a stage, which waits until a file is removed."""
    processes = []

    def start(stage: str) -> subprocess.Popen:
        (project / f"{stage}.wait").touch()
        process = subprocess.Popen(
            ["dvc", "repro", "--single-item", stage],
            cwd=project,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        wait_for(lambda: stage in ran(project))
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def end(process: subprocess.Popen, project: Path, stage: str) -> None:
    (project / f"{stage}.wait").unlink()
    errors = process.communicate(timeout=SECONDS)[1]
    assert process.returncode == 0, errors


def test_a_second_repro_of_a_stage_is_refused_with_the_number_of_the_first(
    project: Path, started: Callable[[str], subprocess.Popen]
) -> None:
    first = started("other")
    second = call(project, "dvc", "repro", "--single-item", "other")
    assert second.returncode != 0
    assert f"(PID {first.pid}): " in second.stderr
    assert f"process {first.pid} runs " in verified(project)[0]
    assert call(project, sys.executable, "-m", "stages.verify", "--repair").stderr.startswith(
        f"error: process {first.pid} runs "
    )
    end(first, project, "other")
    assert ran(project) == ["other"]
    assert verified(project) == []


def test_two_repros_of_different_stages_run_side_by_side(
    project: Path, started: Callable[[str], subprocess.Popen]
) -> None:
    (project / "mended").touch()
    first, second = started("other"), started("fails")
    end(second, project, "fails")
    end(first, project, "other")
    assert verified(project) == []
    assert dvc(project, "status", "other", "fails") == "Data and pipelines are up to date.\n"


def test_a_failed_stage_leaves_nothing_and_the_others_run(project: Path) -> None:
    before = (project / "dvc.lock").read_text()
    done = call(project, "dvc", "repro", "fails")
    assert done.returncode != 0
    assert "error: it cannot be made\n" in done.stderr
    assert (project / "dvc.lock").read_text() == before
    assert not (project / "models/fails").exists()

    done = call(project, "dvc", "repro", "--keep-going", "after", "other")
    assert done.returncode != 0
    assert ran(project) == ["fails", "fails", "other"]
    assert (project / "models/other").exists()
    assert not (project / "models/after").exists()
    assert verified(project) == []

    (project / "mended").touch()
    dvc(project, "repro", "after", "other")
    assert ran(project)[3:] == ["fails", "after"]


def test_a_lost_cache_costs_a_run_and_no_result(project: Path) -> None:
    shutil.rmtree(project / ".dvc/cache")
    assert verified(project) == [
        f"{name} is not in DVC's cache, for which dvc repro would run its stage again"
        for name in ("models/few", "models/many")
    ]
    dvc(project, "commit", "many")
    dvc(project, "repro", *RUN)
    assert ran(project) == ["few"]
    assert verified(project) == []


def test_garbage_collection_keeps_what_the_workspace_needs(project: Path) -> None:
    (project / "params.yaml").write_text((project / "params.yaml").read_text().replace("seed: 0", "seed: 1"))
    dvc(project, "repro", "few")
    dvc(project, "gc", "--workspace", "--force", "--quiet")
    assert verified(project) == []
    (project / "params.yaml").write_text((project / "params.yaml").read_text().replace("seed: 1", "seed: 0"))
    assert verified(project) == ["models/few was made with another seed than params.yaml has"]
    dvc(project, "repro", *RUN)
    assert verified(project) == []


def as_others_would() -> None:
    """Takes from root what lets it write where permissions forbid it."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="drops root's rights by prctl")
def test_where_nothing_can_be_written_that_is_said(project: Path) -> None:
    (project / "models/few/added.txt").write_text("edited")
    (project / "models/few").chmod(0o555)
    (project / "models").chmod(0o555)
    try:
        done = call(project, sys.executable, "make.py", "models/new", "3", preexec_fn=as_others_would)
        assert (done.returncode, done.stderr) == (
            1,
            "error: Permission denied: models/.new.lock;"
            " change its permissions or its owner, then run again\n",
        )
        done = call(project, "dvc", "repro", "few", preexec_fn=as_others_would)
        assert done.returncode != 0
        assert "Permission denied" in done.stderr
        done = call(project, sys.executable, "-m", "stages.verify", preexec_fn=as_others_would)
        assert done.stdout.startswith("models/few is not what its stage wrote; ")
        done = call(project, sys.executable, "-m", "stages.verify", "--repair", preexec_fn=as_others_would)
        assert done.returncode == 1
        assert done.stderr.startswith("error: Permission denied: ")
    finally:
        (project / "models").chmod(0o755)
        (project / "models/few").chmod(0o755)
    assert verified(project, "--repair") == ["models/few is not what its stage wrote"]
    dvc(project, "repro", *RUN)
    assert verified(project) == []
