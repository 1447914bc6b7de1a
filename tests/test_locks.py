"""One process at a time holds a lock, and a dead one holds none."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stages.runtime import locks

ROOT = Path(__file__).parent.parent
HOLDS = """
import sys, time
from pathlib import Path
from stages.runtime import locks
with locks.held(Path(sys.argv[1])):
    print("holds", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds tmp_path/.final.lock until its stdin is closed."""
    with start(tmp_path / ".final.lock") as process:
        assert process.stdout.readline() == "holds\n"
        yield process
        process.kill()


def start(path):
    return subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(path)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_second_process_waits_for_the_first_and_names_it(holder, tmp_path):
    with start(tmp_path / ".final.lock") as second:
        waits = f"waiting for process {holder.pid}, which is writing {tmp_path / 'final'}\n"
        assert second.stderr.readline() == waits
        assert select.select([second.stdout], [], [], 0.3)[0] == []  # it does not hold the lock yet
        holder.stdin.close()
        assert second.stdout.readline() == "holds\n"
        second.stdin.close()
    assert not (tmp_path / ".final.lock").exists()


def test_a_killed_process_holds_no_lock(holder, tmp_path):
    path = tmp_path / ".final.lock"
    assert locks.is_held(path)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert path.exists()
    assert not locks.is_held(path)
    with locks.held(path):
        assert path.read_text() == str(os.getpid())
        assert locks.is_held(path)
    assert not locks.is_held(path)
    assert list(tmp_path.iterdir()) == []


def test_many_processes_never_hold_it_at_once(tmp_path):
    """Each adds to a file by reading and writing it, which loses a number where two are in it at once."""
    adds = (
        "import sys\nfrom pathlib import Path\nfrom stages.runtime import locks\n"
        "path = Path(sys.argv[1])\n"
        "for _ in range(100):\n"
        "    with locks.held(path / 'lock'):\n"
        "        count = path / 'count'\n"
        "        count.write_text(str(int(count.read_text()) + 1))\n"
    )
    (tmp_path / "count").write_text("0")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", adds, str(tmp_path)], env=environment, stderr=subprocess.DEVNULL
        )
        for _ in range(4)
    ]
    assert [process.wait() for process in processes] == [0] * 4
    assert (tmp_path / "count").read_text() == "400"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]
