"""Cores that trainings share: helpers where cores are free, none where they are not, none left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dvc_parallel.tests.pipelines import wait_for
from stages.runtime import cores, limits, locks

ROOT = Path(__file__).parent.parent
WORKER = """
import os, pathlib, time
from stages.runtime import signals
signals.handle()
pathlib.Path(f"helper-{os.getpid()}").touch()
time.sleep(float(os.environ.get("SLEEP", 60)))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a module `worker` to run, on a machine of three cores."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{tmp_path}")
    monkeypatch.setattr(limits, "cores", lambda: 3)
    monkeypatch.setattr(cores, "FIRST_S", 0.0)
    monkeypatch.setattr(cores, "POLL_S", 0.05)
    (tmp_path / "worker.py").write_text(WORKER)
    return tmp_path


def helpers(folder):
    return [int(path.name.partition("-")[2]) for path in folder.glob("helper-*")]


def is_alive(pid):
    return Path(f"/proc/{pid}").exists()


def test_a_helper_runs_for_each_free_core_and_all_end_where_the_block_raises(folder):
    def work():
        with cores.helped("worker", [], 1, lambda: True):
            wait_for(lambda: len(helpers(folder)) == 2)  # the third core is its own
            time.sleep(0.3)
            assert len(helpers(folder)) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert not any(map(is_alive, helpers(folder)))
    assert not any(locks.is_held(path) for path in (folder / cores.FOLDER).iterdir())


def test_the_block_waits_for_what_its_helpers_began(folder, monkeypatch):
    monkeypatch.setenv("SLEEP", "1")
    with cores.helped("worker", [], 2, lambda: not helpers(folder)):
        time.sleep(0.3)
        assert helpers(folder) == []  # two of three cores are its own
    with cores.helped("worker", [], 1, lambda: not helpers(folder)):
        wait_for(lambda: helpers(folder))
    assert not any(map(is_alive, helpers(folder)))


def test_there_is_no_helper_without_work_or_for_a_helper(folder, monkeypatch):
    with cores.helped("worker", [], 1, lambda: False):
        time.sleep(0.2)
    monkeypatch.setenv(cores.HELPER, "1")
    assert cores.is_helper()
    with cores.helped("worker", [], 1, lambda: True):
        time.sleep(0.2)
    assert helpers(folder) == []


def test_helpers_make_room_for_a_training_that_finds_no_core(folder):
    tokens = cores._taken(3)
    assert not cores.is_wanted()
    with cores.helped("worker", [], 1, lambda: True):
        wait_for(cores.is_wanted)
        cores._release(tokens)
        wait_for(lambda: not cores.is_wanted())
        wait_for(lambda: len(helpers(folder)) == 2)
        for pid in helpers(folder):
            os.kill(pid, signal.SIGKILL)  # who dies frees its core


def test_a_free_core_is_left_to_a_training_that_waits_for_one(folder):
    waiting = cores._locked([cores.WAITING])
    with cores.helped("worker", [], 1, lambda: True):
        time.sleep(0.3)
        assert helpers(folder) == []
        cores._release(waiting)
        wait_for(lambda: len(helpers(folder)) == 2)
        for pid in helpers(folder):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_helpers_end_with_the_process_that_they_help(folder):
    code = (
        "import time; from stages.runtime import cores, limits; limits.cores = lambda: 2; cores.FIRST_S = 0\n"
        "with cores.helped('worker', [], 1, lambda: True): time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=folder)
    wait_for(lambda: helpers(folder))
    process.kill()
    process.wait()
    wait_for(lambda: not any(map(is_alive, helpers(folder))))
