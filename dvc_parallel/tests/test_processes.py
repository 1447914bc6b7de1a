"""Commands as processes: what they leave, how they end, and what the fork server makes of them."""

import os
import signal
import sys
import time

import psutil
import pytest

from dvc_parallel import processes as module
from dvc_parallel.processes import Processes
from dvc_parallel.project import Command
from dvc_parallel.tests import pipelines

pytestmark = pytest.mark.usefixtures("terminal_signals")
STAGE = """
import json, os, sys
import study.code
print(json.dumps({
    "argv": sys.argv[1:], "name": __name__, "cwd": os.getcwd(), "edited": study.code.EDITED,
    "group": os.getpgrp() == os.getpid(), "stage": os.environ.get("DVC_STAGE"), "in": sys.stdin.read(),
}))
print("an error", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""
WAITS = """
import time
print("begins", flush=True)
time.sleep(100)
"""
PRELOAD = "study.preload"
EDIT = "from pathlib import Path; import study.code; Path(study.code.__file__).write_text('EDITED = True')"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project with a package of stages, whose code is edited once it is imported; the current folder."""
    (tmp_path / "study").mkdir()
    (tmp_path / "study/code.py").write_text("EDITED = False")
    (tmp_path / "study/preload.py").write_text(EDIT)
    (tmp_path / "study/tell.py").write_text(STAGE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(pipelines.ROOT))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    return tmp_path


@pytest.fixture
def processes():
    yield (found := Processes(PRELOAD))
    found.close()


def start(processes, text, *, is_worth=False, name="tell", **changes):
    log = module.Path(f"{name}.log")
    log.touch()
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "DVC_STAGE": name} | changes
    command = Command(text, ["/bin/sh", "-c", text], os.getcwd(), environment)
    processes.start(name, command, log, is_worth=is_worth)
    return log


def ended(processes):
    return processes.ended.get(timeout=pipelines.SECONDS)


def test_a_command_has_its_output_in_the_log_its_code_and_its_peak_of_memory(folder, processes):
    allocate = f"{sys.executable} -c \"x = bytearray(300_000_000); print('here')\"; exit 3"
    log = start(processes, allocate, name="large")
    name, code, memory, _ = ended(processes)
    assert (name, code, log.read_text()) == ("large", 3, "here\n")
    assert 3e8 < memory < 3e10  # in bytes; at its fork it has the pages of this process, too
    assert processes.pids == {}


def test_a_signal_reaches_all_that_a_command_has_started(folder, processes):
    start(processes, "sleep 100 & sleep 100; true")
    time.sleep(0.2)
    processes.signal(signal.SIGTERM)
    assert ended(processes).code == -signal.SIGTERM


def test_a_forked_stage_is_what_its_command_would_be(folder):
    texts = {}
    for forks in (False, True):
        processes = Processes(PRELOAD if forks else "")
        log = start(processes, "exec python -m study.tell 7 a/b@c", is_worth=True, name=f"tell{forks}")
        name, code, memory, _ = ended(processes)
        assert (name, code) == (f"tell{forks}", 7)
        assert memory > 1e6
        assert (processes._server is not None) == forks
        processes.close()
        texts[forks] = log.read_text().replace(f"tell{forks}", "tell")
    assert texts[True].replace('"edited": true', '"edited": false') == texts[False]
    assert '"edited": true, "group": true, "stage": "tell", "in": ""' in texts[True]


def test_no_forked_stage_looks_through_the_libraries_objects_for_garbage(folder, processes):
    (folder / "study/count.py").write_text("import gc; print(gc.get_freeze_count() > 0)")
    log = start(processes, "exec python -m study.count", is_worth=True)
    assert (ended(processes).code, log.read_text()) == (0, "True\n")


def test_a_stage_that_is_not_worth_a_server_is_forked_only_where_the_server_is_there(folder, processes):
    start(processes, "exec python -m study.tell 0")
    ended(processes)
    assert processes._server is None
    start(processes, "exec python -m study.tell 0", is_worth=True)
    start(processes, "exec python -m study.tell 1", name="other")
    assert {ended(processes)[:2] for _ in range(2)} == {("tell", 0), ("other", 1)}


@pytest.mark.parametrize("text", ["python -m study.tell 0", "exec python -m study.tell 0; true", "true"])
def test_any_other_command_is_given_to_a_shell(folder, processes, text):
    start(processes, text, is_worth=True)
    assert ended(processes).code == 0
    assert processes._server is None


def test_without_a_working_server_stages_start_as_commands(folder, processes):
    (folder / "study/preload.py").write_text("raise SystemExit('no Keras')")
    for name in ("first", "second"):
        log = start(processes, "exec python -m study.tell 0", is_worth=True, name=name)
        assert ended(processes)[:2] == (name, 0)
        assert "an error" in log.read_text()


def test_a_signal_while_the_server_still_imports_ends_its_stages(folder, processes):
    (folder / "study/preload.py").write_text("import time; time.sleep(100)")
    start(processes, "exec python -m study.tell 0", is_worth=True)
    processes.signal(signal.SIGINT)
    assert ended(processes).code == -signal.SIGKILL


def test_stages_of_a_server_that_dies_end(folder, processes):
    (folder / "study/tell.py").write_text(WAITS)
    log = start(processes, "exec python -m study.tell", is_worth=True)
    pipelines.wait_for(lambda: "begins" in log.read_text() and processes.pids["tell"])
    pid = processes.pids["tell"]
    processes._server.kill()
    assert ended(processes).code == -signal.SIGKILL
    pipelines.wait_for(lambda: not psutil.pid_exists(pid))
