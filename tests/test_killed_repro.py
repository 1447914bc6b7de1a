"""A killed `dvc repro` or run: its stage ends too, the next one resumes, and two never write side by side."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest
from commands import environment

from benchmarks import processes
from benchmarks.studies import NOISY, hashes, write_dataset, write_resolved

pytestmark = pytest.mark.usefixtures("terminal_signals")
PIPELINE = """
stages:
  train:
    cmd: exec python -m stages.train tiny.json images models/tiny
    deps: [tiny.json, images]
    outs: [models/tiny]
"""
ENVIRONMENT = environment()
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)


def git_and_dvc(folder):
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What the training writes where nothing happens."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_study(folder)
    processes.call("stages.train", ("tiny.json", "images", "models/tiny"), folder, folder / "log")
    files = hashes(folder / "models/tiny/seed-0")
    assert "model.keras" in files
    return files


@pytest.fixture
def project(tmp_path):
    write_study(tmp_path)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    git_and_dvc(tmp_path)
    return tmp_path


def write_study(folder):
    write_dataset(folder / "images", n=605, size=24)
    network = {"deeper_net": NOISY | {"filters": [8, 16], "dense_units": [32]}}
    write_resolved(folder / "tiny.json", epochs=12, network=network)


def repro(folder, log, command=("dvc", "repro"), **changes):
    """Starts dvc repro in a session of its own, as a terminal does."""
    with (folder / log).open("w") as file:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=ENVIRONMENT | changes,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_until(happened, said=str, seconds=600):
    """Waits for what is to happen; only what hangs takes so long, however busy the machine is."""
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, said()
        time.sleep(0.02)


def wait_for(text, path):
    wait_until(lambda: path.exists() and text in path.read_text(), path.read_text)


def has_ended(process):
    """A zombie has ended, too: whoever inherited it has not looked yet."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def kill(process):
    process.kill()


def terminate(process):
    process.terminate()


def press_ctrl_c(process):
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all that run in it


def test_however_dvc_repro_ends_its_stage_ends_too_and_the_next_one_resumes(project, undisturbed):
    resumed, epoch = "", 1
    for end, shell in ((kill, "/bin/sh"), (terminate, "/bin/bash"), (press_ctrl_c, "/bin/sh")):
        log = project / end.__name__
        process = repro(project, log.name, SHELL=shell)
        wait_for(f"epoch {epoch}/12", log)
        end(process)
        assert process.wait() != 0
        wait_for("run the same command again to resume", log)
        assert resumed in log.read_text()
        assert "Traceback" not in log.read_text()
        (stopped,) = re.findall("stopped after epoch (.*);", log.read_text())
        resumed, epoch = f"tiny: resuming after epoch {stopped}\n", int(stopped.split(",")[0]) + 1
    assert repro(project, "last").wait() == 0, (project / "last").read_text()
    assert resumed in (project / "last").read_text()
    assert hashes(project / "models/tiny/seed-0") == undisturbed
    assert list((project / "models").glob(".*.partial")) == []


def test_a_killed_run_takes_a_stage_along_that_it_forked_and_the_next_one_resumes(project, undisturbed):
    item = "data/resolved/train/tiny.json"  # its knob `threads` says that a stage imports Keras
    (project / item).parent.mkdir(parents=True)
    shutil.move(project / "tiny.json", project / item)
    (project / "dvc.yaml").write_text(PIPELINE.replace("tiny.json", item))
    run, log = (sys.executable, "-m", "stages.run"), project / ".dvc/tmp/run/logs/train.log"
    first = repro(project, "first", run)
    wait_for("epoch 2/12", project / "first")
    (server,) = psutil.Process(first.pid).children()
    (stage,) = server.children()
    assert "dvc_parallel.fork_server" in server.cmdline()
    assert os.getpgid(stage.pid) == stage.pid
    first.kill()
    first.wait()
    wait_for("run the same command again to resume", log)
    (last,) = re.findall("stopped after (epoch .*);", log.read_text())
    wait_until(lambda: has_ended(server) and has_ended(stage))
    second = repro(project, "second", run)
    assert second.wait() == 0, (project / "second").read_text()
    assert f"train | tiny: resuming after {last}\n" in (project / "second").read_text()
    assert hashes(project / "models/tiny/seed-0") == undisturbed


def test_a_stage_waits_for_another_process_that_writes_the_same(project, undisturbed):
    other = processes.start(
        "stages.train", ("tiny.json", "images", "models/tiny"), project, project / "other"
    )
    wait_for("epoch 1/12", project / "other")
    os.kill(other.pid, signal.SIGSTOP)
    try:
        second = repro(project, "second")
        waits = f"waiting for process {other.pid}, which is writing models/tiny"
        wait_for(waits, project / "second")
    finally:
        os.kill(other.pid, signal.SIGCONT)
    other.join()
    assert other.exitcode == 0
    assert second.wait() == 0, (project / "second").read_text()
    assert "epoch 1" not in (project / "second").read_text()  # nothing is trained twice
    assert hashes(project / "models/tiny/seed-0") == undisturbed
