"""`dvc-parallel --ray` on real Ray nodes in separate folders of this machine."""

import os
import re
import signal
import socket
import sys
from importlib.util import find_spec

import pytest

from dvc_parallel.tests import clusters, pipelines
from dvc_parallel.tests.clusters import RUN, computing
from dvc_parallel.tests.pipelines import call, recorded, repro, start, wait_for
from dvc_parallel.tests.test_command import project as environment  # noqa: F401
from dvc_parallel.tests.test_command import run

pytestmark = [
    pytest.mark.skipif(not find_spec("ray") and os.environ.get("CI") != "true", reason="without Ray"),
    pytest.mark.usefixtures("terminal_signals", "environment"),
    # 2026-11: DVC 3.67 asks pygtrie for the value of a missing step
    pytest.mark.filterwarnings("ignore:_NoneStep.value will soon raise:DeprecationWarning"),
]
SCORE = {"score": {"cmd": "echo 1 > score", "deps": ["c.out"], "metrics": [{"score": {"cache": False}}]}}


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """A head and two nodes."""
    with pytest.MonkeyPatch.context() as patch, clusters.nodes(tmp_path_factory.mktemp("nodes")) as cluster:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # as clusters.nodes: whatever token this machine has
        cluster.add("one")
        cluster.add("two")
        yield cluster


@pytest.fixture
def home(tmp_path):
    """A project that is still to write."""
    return tmp_path / "home"


def log(home, name):
    path = home / ".dvc" / "tmp" / "run" / "logs" / f"{name}.log"
    return path.read_text() if path.exists() else ""


def outputs(home):
    return recorded(home) | {path.name: path.read_text() for path in home.glob("*.out")}


def test_nodes_that_share_nothing_leave_what_repro_leaves_and_a_clone_has_nothing_to_run(nodes, home):
    clusters.write(home, computing("a", 20), computing("b", 20), computing("c", 1, ("a", "b")), SCORE)
    (home / "make.py").write_text((home / "make.py").read_text() + "\n")  # nodes get it as it is now
    theirs = pipelines.copy(home, "theirs")
    code, printed = call(home, *RUN, "--ray", nodes.address)
    assert code == 0, printed
    assert "a | a: has all steps\n" in printed
    assert "4 stages: 4 ran" in printed
    repro(theirs)
    assert outputs(home) == outputs(theirs)
    assert not [*home.glob(".checkpoints/*")]  # it computed nothing itself
    clusters.commit(home)
    clone = home.with_name("clone")
    clusters.git(home, "clone", "--quiet", ".", str(clone))
    code, printed = call(clone, "dvc", "repro", "--pull")
    assert (code, "Running" in printed) == (0, False), printed
    assert (clone / "c.out").read_text() == (home / "c.out").read_text() == "cab"
    (clone / "dvc.lock").unlink()
    (clone / "c.out").unlink()
    assert "3 restored" in call(clone, *RUN, "--ray", nodes.address, "c")[1]


def test_after_a_killed_node_a_killed_home_and_a_signal_stages_resume_at_their_step(nodes, home, tmp_path):
    clusters.write(home, computing("a", 150))
    repro(theirs := pipelines.copy(home, "theirs"))
    command = (*RUN, "--ray", nodes.address, "--checkpoints", str(tmp_path / "checkpoints"))

    def steps():
        return sum(path.stat().st_size for path in (tmp_path / "checkpoints").glob("*/a"))

    def began():
        (number,) = re.findall(r"a: begins at step (\d+)\n", log(home, "a"))[-1:] or [-1]
        return int(number)

    process = start(home, *command)
    wait_for(lambda: steps() > 5, process)
    (running,) = nodes.running()
    nodes.kill(running)
    wait_for(lambda: began() > 5, process)
    assert "try 1 of 3 is lost" in log(home, "a")
    process.kill()
    process.communicate()
    wait_for(lambda: not nodes.running())
    assert steps() < 150
    before = steps()
    nodes.add(f"{running}-again")
    process = start(home, *command)
    wait_for(lambda: began() == before and steps() > before + 5, process)
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate()
    assert process.returncode == 130, printed
    assert "stopping a" in printed
    assert "1 stages: 1 stopped" in printed
    before = steps()
    code, printed = call(home, *command)
    assert code == 0, printed
    assert began() == before
    assert outputs(home) == outputs(theirs)
    assert steps() == 0  # the checkpoint is removed


def test_what_cannot_travel_runs_at_home_and_a_failure_shows_the_end_of_its_log(nodes, home):
    text = {"text": {"cmd": "echo 1 > text.out", "outs": ["text.out"]}}
    fails = computing("fails", 1, ("text",))
    fails["fails"]["cmd"] = "echo no space && exit 3"
    clusters.write(home, text, fails)
    code, printed = call(home, *RUN, "--ray", nodes.address)
    assert code == 1
    assert "runs on" not in log(home, "text")
    assert "fails | no space\n" in printed
    assert "failed to run: echo no space && exit 3, exited with 3\n" in printed
    assert "fails failed: exit code 255; its log: " in printed


def test_a_dead_address_is_one_line(home):
    clusters.write(home, computing("a", 1))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    printed = run(home, "--ray", address, code=1)
    assert printed.startswith(f"error: no Ray cluster answers at '{address}' (")
    assert printed.count("\n") == 1


def test_a_project_without_remote_is_one_line(home):
    clusters.write(home, computing("a", 1), remote=False)
    printed = run(home, "--ray", "auto", code=1)
    assert printed.startswith("error: data reaches the nodes by a DVC remote, but no remote specified in ")
    assert printed.count("\n") == 1


def test_without_git_there_is_one_line(home):
    clusters.write(home, computing("a", 1))
    (home / ".git").rename(home / "git")
    printed = run(home, "--ray", "auto", code=1)
    assert printed.startswith("error: nodes get the code as the files in git, but git says: fatal: not a git")
    assert printed.count("\n") == 1


def test_without_ray_there_is_one_line(home, monkeypatch):
    clusters.write(home, computing("a", 1))
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "dvc_parallel.ray_cluster", raising=False)
    assert run(home, "--ray", "auto", code=1) == (
        "error: --ray auto needs Ray, which is not installed here; `pip install 'ray[client]'` brings it\n"
    )
