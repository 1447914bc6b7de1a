"""A user's mistake is one message on stderr and exit code 1; a bug keeps its traceback."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import commands
import pytest

from stages.runtime import errors

ROOT = Path(__file__).parent.parent
START = """
import resource
from pathlib import Path
import numpy as np
from stages.runtime.atomic import replacing, write_json
from stages.runtime.errors import InputError, run
"""


def call(source, folder):
    return commands.call(folder, sys.executable, "-c", START + source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise InputError('no such bird')", "no such bird"),
        (
            "open('data/x.json')",
            "data/x.json does not exist; `dvc repro` creates what is missing, in the right order",
        ),
        (
            "open('my_images/x.png')",
            "my_images/x.png does not exist, and no stage makes it; put it there, or correct its name",
        ),
        (
            r"'images/b\udce4r.png'.encode()",
            r"images/b\xe4r.png has a name that is not UTF-8; rename it",
        ),
        (
            "Path('x.png').symlink_to('/nowhere'), open('x.png')",
            "x.png is a link to /nowhere, which does not exist; mend or remove the link",
        ),
    ],
)
def test_a_users_mistake_is_one_message_and_exit_code_1(source, message, tmp_path):
    done = call(f"def main(): {source}\nrun(main)", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {message}\n")


def test_a_bug_keeps_its_traceback(tmp_path):
    done = call("def main(): raise ValueError('bug')\nrun(main)", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("ValueError: bug\n")


FULL_DISK = "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"


@pytest.mark.parametrize(
    "saves",
    ["np.save(partial / 'a.npy', np.ones(999))", "write_json(partial / 'a', [1] * 999)"],
    ids=["NumPy", "JSON"],
)
def test_a_full_disk_is_one_message_and_leaves_nothing_half_written(saves, tmp_path):
    source = (
        f"def main():\n with replacing(Path('out')) as partial:\n  partial.mkdir()\n  {saves}\n{FULL_DISK}\n"
    )
    done = call(f"{source}run(main)", tmp_path)
    assert done.returncode == 1
    assert re.match("error: .*(free some disk space|allows no file of this size)", done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_one_message(tmp_path):
    limit = "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))"
    done = call(f"{limit}\nrun(lambda: np.ones(1 << 40))", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: out of memory (")
    assert done.stderr.endswith("); lower batch_size in params.yaml, or close other programs\n")
    assert len(done.stderr.splitlines()) == 1


class ResourceExhaustedError(Exception):
    """As TensorFlow names its own; what it says was copied from a training under RLIMIT_AS."""


def test_tensorflows_long_error_of_memory_is_cut_to_what_helps():
    said = (
        "{{function_node __wrapped__Mul_device_/job:localhost/replica:0/task:0/device:CPU:0}} OOM when"
        " allocating tensor with shape[30000,3000] and type float on /job:localhost/replica:0/task:0/device:"
        "CPU:0 by allocator cpu [Op:Mul]"
    )
    with pytest.raises(SystemExit) as caught:
        errors.run(lambda: raise_(ResourceExhaustedError(said)))
    assert caught.value.code == (
        "error: out of memory (OOM when allocating tensor with shape[30000,3000] and type float);"
        " lower batch_size in params.yaml, or close other programs"
    )


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some disk space and rerun; finished work is kept"),
        (errno.EDQUOT, "free some disk space and rerun; finished work is kept"),
        (errno.EACCES, "change its permissions or its owner, then rerun"),
        (errno.EROFS, "run in a writable folder"),
    ],
)
def test_trouble_with_the_disk_names_the_file_and_the_remedy(number, remedy):
    with pytest.raises(SystemExit) as caught:
        errors.run(lambda: raise_(OSError(number, "Trouble", "models/final")))
    assert caught.value.code == f"error: Trouble: models/final; {remedy}"


def test_another_error_of_the_system_keeps_its_traceback():
    with pytest.raises(OSError, match="Trouble"):
        errors.run(lambda: raise_(OSError(errno.EXDEV, "Trouble")))


def raise_(error):
    raise error


PRINTS = "def main():\n for _ in range(100_000): print('line')\n{}run(main)"


@pytest.mark.parametrize("end", ["", " raise InputError('after')\n", " import sys; sys.exit(0)\n"])
def test_a_reader_that_has_had_enough_ends_a_command_quietly(end, tmp_path):
    (tmp_path / "command.py").write_text(START + PRINTS.format(end))
    command = f"{sys.executable} command.py | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = shell(command, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (errors.EX_PIPE, "line\n", "")


def test_a_broken_pipe_other_than_the_readers_is_a_bug():
    with pytest.raises(BrokenPipeError):
        errors.run(lambda: raise_(BrokenPipeError(errno.EPIPE, "of a worker")))


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_any_stream_may_be_closed_from_the_start_and_no_file_takes_its_place(closed, tmp_path):
    source = "def main():\n with open('out', 'w') as f:\n  print('x'); import sys; sys.stderr.write('y')\n"
    (tmp_path / "command.py").write_text(f"{START}{source}  f.write(sys.stdin.read() + 'z')\nrun(main)")
    done = shell(f"{sys.executable} command.py {closed}", tmp_path, input="")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").read_text() == "z"


def test_what_an_encoding_lacks_is_shown_with_backslashes(tmp_path):
    source = f"{START}def main():\n print('épreuve')\n raise InputError('ñ')\nrun(main)"
    (tmp_path / "command.py").write_text(source, encoding="utf-8")
    done = shell(f"PYTHONIOENCODING=ascii {sys.executable} command.py", tmp_path)
    assert (done.stdout, done.stderr) == ("\\xe9preuve\n", "error: \\xf1\n")


def test_a_name_in_a_message_does_not_control_the_terminal(tmp_path):
    done = call(r"def main(): raise InputError('a\x1b[2J.png is bad:\n  b')" + "\nrun(main)", tmp_path)
    assert done.stderr == "error: a\\x1b[2J.png is bad:\n  b\n"


def shell(command, folder, **streams):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, **streams
    )
