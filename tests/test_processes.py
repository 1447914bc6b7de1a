"""Commands as processes: what they leave, how they end, and what the fork server makes of them."""

import os
import signal
import sys
import time

import pytest

from stages.execution import processes as module
from stages.execution.processes import Processes
from stages.execution.project import Command
from tests import pipelines

pytestmark = pytest.mark.usefixtures("terminal_signals")
# In place of Keras, so that the server is there at once.
STUB = "import {0}\ndef load(): {1}\n"
STAGE = """
import json, os, sys
from stages.runtime import environment
print(json.dumps({
    "argv": sys.argv[1:], "name": __name__, "cwd": os.getcwd(), "parent": environment.PARENT == os.getppid(),
    "group": os.getpgrp() == os.getpid(), "stage": os.environ.get("DVC_STAGE"), "in": sys.stdin.read(),
    "n": len([name for name in sys.modules if name.startswith("stages.execution")]),
}))
print("an error", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project with our fork server, a stage, and no Keras; the current folder."""
    for name in ("runtime/environment.py", "execution/fork_server.py"):
        (tmp_path / "stages" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "stages" / name).write_bytes((pipelines.ROOT / "stages" / name).read_bytes())
    (tmp_path / "stages/runtime/keras_import.py").write_text(STUB.format("os", "pass"))
    (tmp_path / "stages/tell.py").write_text(STAGE)
    for name in ("h5py", "pandas"):
        (tmp_path / f"{name}.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return tmp_path


@pytest.fixture
def processes():
    yield (found := Processes())
    found.close()


def start(processes, text, *, imports_keras=False, name="tell", **changes):
    log = module.Path(f"{name}.log")
    log.touch()
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "DVC_STAGE": name} | changes
    command = Command(text, ["/bin/sh", "-c", text], os.getcwd(), environment)
    processes.start(name, command, log, imports_keras=imports_keras)
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
        processes = Processes(forks=forks)
        log = start(processes, "exec python -m stages.tell 7 a/b@c", imports_keras=True, name=f"tell{forks}")
        name, code, memory, _ = ended(processes)
        assert (name, code) == (f"tell{forks}", 7)
        assert memory > 1e6
        assert (processes._server is not None) == forks
        processes.close()
        texts[forks] = log.read_text().replace(f"tell{forks}", "tell")
    assert texts[True] == texts[False]
    assert '"parent": true, "group": true, "stage": "tell", "in": "", "n": 0' in texts[True]


def test_a_stage_that_needs_no_keras_is_forked_only_where_the_server_is_there(folder, processes):
    start(processes, "exec python -m stages.tell 0")
    ended(processes)
    assert processes._server is None
    start(processes, "exec python -m stages.tell 0", imports_keras=True)
    start(processes, "exec python -m stages.tell 1", name="other")
    assert {ended(processes)[:2] for _ in range(2)} == {("tell", 0), ("other", 1)}


@pytest.mark.parametrize("text", ["python -m stages.tell 0", "exec python -m stages.tell 0; true", "true"])
def test_any_other_command_is_given_to_a_shell(folder, processes, text):
    start(processes, text, imports_keras=True)
    assert ended(processes).code == 0
    assert processes._server is None


def test_without_a_working_server_stages_start_as_commands(folder, processes):
    (folder / "stages/runtime/keras_import.py").write_text(STUB.format("os", "raise SystemExit('no Keras')"))
    for name in ("first", "second"):
        log = start(processes, "exec python -m stages.tell 0", imports_keras=True, name=name)
        assert ended(processes)[:2] == (name, 0)
        assert "an error" in log.read_text()


def test_a_signal_while_the_server_still_imports_ends_its_stages(folder, processes):
    (folder / "stages/runtime/keras_import.py").write_text(STUB.format("time", "time.sleep(100)"))
    start(processes, "exec python -m stages.tell 0", imports_keras=True)
    processes.signal(signal.SIGINT)
    assert ended(processes).code == -signal.SIGKILL


def test_a_server_that_dies_takes_its_stages_along(folder, processes):
    (folder / "stages/tell.py").write_text("import time; time.sleep(100)")
    start(processes, "exec python -m stages.tell", imports_keras=True)
    pipelines.wait_for(lambda: processes.pids["tell"])
    pid = processes.pids["tell"]
    processes._server.kill()
    assert ended(processes).code == -signal.SIGKILL
    os.kill(pid, signal.SIGKILL)  # a real one notices, see runtime/signals.py
