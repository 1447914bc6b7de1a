"""What the study trusts DVC with, on a small project of real DVC: cache, locks, failures and kills."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import ROOT, call, environment

from dvc_parallel.tests import pipelines
from tests.edited_study import mistakes

# 2026-11: DVC 3.67 asks pygtrie for the value of a missing step
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value will soon raise:DeprecationWarning")

STAGE = '''
"""python make.py OUT: makes a folder of files, as our stages do."""
import os, sys, time
from pathlib import Path
from stages.runtime.atomic import replacing
from stages.runtime.errors import InputError, run

def main():
    out = Path(sys.argv[1])
    with replacing(out) as partial:
        partial.mkdir()
        (partial / "0.txt").write_text(out.name)
        with Path("ran.txt").open("a") as file:
            file.write(f"{out.name} {os.getpid()}\\n")
        if out.name == "fails" and not Path("mended").exists():
            raise InputError("it cannot be made")
        while Path(f"{out.name}.wait").exists():
            time.sleep(0.01)

run(main)
'''
PIPELINE = """
stages:
  make:
    foreach: ${variants}
    do:
      cmd: exec python make.py models/${key}
      params: ["variants.${key}"]
      outs: ["models/${key}"]
  after:
    cmd: exec python make.py models/after
    deps: [models/fails]
    outs: [models/after]
"""
PARAMS = "variants: {few: {seed: 0}, other: {seed: 0}, fails: {seed: 0}}\n"


def repro(folder: Path, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment().items():
            patch.setenv(name, value)
        pipelines.repro(folder, *arguments)


def ran(folder: Path) -> list[str]:
    """The outputs whose stages have run in this copy, one for each time."""
    return [line.split()[0] for line in (folder / "ran.txt").read_text().splitlines()]


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dvc") / "project"
    folder.mkdir()
    for name, text in {"make.py": STAGE, "dvc.yaml": PIPELINE, "params.yaml": PARAMS}.items():
        (folder / name).write_text(text)
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        assert call(folder, *command).returncode == 0
    shutil.copy(ROOT / ".dvcignore", folder)
    shutil.copy(ROOT / ".dvc/config", folder / ".dvc")
    repro(folder, "make@few")
    return folder


@pytest.fixture
def project(reproduced: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy to break, in which nothing has run yet; ends what a test leaves running in it."""
    folder = tmp_path / "project"
    assert call(tmp_path, "cp", "-a", str(reproduced), str(folder)).returncode == 0
    (folder / "ran.txt").write_text("")
    yield folder
    for line in (folder / "ran.txt").read_text().splitlines():
        (folder / f"{line.split()[0]}.wait").unlink(missing_ok=True)


def start(project: Path, stage: str) -> subprocess.Popen:
    """Starts `dvc repro` of a stage, which then waits until a file is removed."""
    name = stage.partition("@")[2]
    (project / f"{name}.wait").touch()
    command = ["dvc", "repro", "--single-item", stage]
    with (project / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=project, env=environment(), stdout=log, stderr=log)
    pipelines.wait_for(lambda: name in ran(project))
    return process


@pytest.mark.parametrize(
    "name", ["a b", "$(id)", "a;id", "-a", "ä", "", "../x", "a.b", "x\n", "a" * 65, 7, None]
)
def test_names_that_dvc_would_paste_unquoted_into_a_command_are_refused(name: str) -> None:
    for section in ("variants", "heads", "fine_tunes", "datasets", "backbones", "features", "sources"):
        assert any("is an invalid name" in line for line in mistakes(**{section: {name: {}}}))


def test_an_edited_output_is_made_again_and_cannot_be_edited_by_mistake(project: Path) -> None:
    assert (project / "models/few/0.txt").stat().st_mode & 0o777 == 0o444
    (project / "models/few/added.txt").write_text("edited")
    repro(project, "make@few")
    assert [path.name for path in (project / "models/few").iterdir()] == ["0.txt"]


def test_a_failed_stage_leaves_nothing_and_the_others_run(project: Path) -> None:
    done = call(project, "dvc", "repro", "--keep-going", "after", "make@other")
    assert done.returncode != 0
    assert "error: it cannot be made\n" in done.stderr
    assert sorted(ran(project)) == ["fails", "other"]
    assert sorted(path.name for path in (project / "models").iterdir()) == [".gitignore", "few", "other"]
    assert "make@fails" not in (project / "dvc.lock").read_text()
    (project / "mended").touch()
    repro(project, "after")
    assert ran(project)[2:] == ["fails", "after"]


def test_a_second_repro_of_a_stage_is_refused_with_the_number_of_the_first(project: Path) -> None:
    first = start(project, "make@other")
    second = call(project, "dvc", "repro", "--single-item", "make@other")
    assert second.returncode != 0
    assert f"(PID {first.pid}): " in second.stderr
    (project / "other.wait").unlink()
    assert first.wait(60) == 0, (project / "log").read_text()
    assert ran(project) == ["other"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_repro_leaves_no_process_and_no_half_output(project: Path, number: signal.Signals) -> None:
    first = start(project, "make@other")
    stage = int((project / "ran.txt").read_text().split()[1])
    first.send_signal(number)
    first.wait(60)
    pipelines.wait_for(lambda: not Path(f"/proc/{stage}").exists())
    assert [path.name for path in (project / "models").glob("*other*")] == []
    (project / "other.wait").unlink()
    repro(project, "make@other")
    assert ran(project) == ["other", "other"]
