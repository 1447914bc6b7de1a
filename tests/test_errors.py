"""A user's mistake is one message on stderr and exit code 1; a bug keeps its traceback."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
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
    return subprocess.run(
        [sys.executable, "-c", START + source],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


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


def test_success_is_silent(capsys):
    errors.run(lambda: None)
    assert capsys.readouterr() == ("", "")


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
    assert done.stderr.endswith("; free some disk space and rerun; finished work is kept\n")
    assert done.stderr.startswith("error: ")
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


def test_numpys_error_of_a_full_disk_has_no_number_but_the_same_remedy():
    with pytest.raises(SystemExit, match="free some disk space"):
        errors.run(lambda: np.ones(1_000_000).tofile("/dev/full"))


def test_another_error_of_the_system_keeps_its_traceback():
    with pytest.raises(OSError, match="Trouble"):
        errors.run(lambda: raise_(OSError(errno.EPIPE, "Trouble")))


def raise_(error):
    raise error


def test_a_folder_that_may_not_be_written_to_is_one_message(tmp_path):
    done = call("run(lambda: write_json(Path('/sys/summary.json'), 1))", tmp_path)  # refuses even root
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert ": /sys/.summary.json." in done.stderr
    assert len(done.stderr.splitlines()) == 1
