"""A user's mistake is one message on stderr and exit code 1; a mistake of ours keeps its traceback."""

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.studies import variant, write_dataset, write_json
from stages import errors

ROOT = Path(__file__).parent.parent


def command(*arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )


def test_a_mistake_is_one_message_and_exit_code_1(tmp_path):
    done = command("-m", "stages.resolve", "params.yaml", "variants", "code", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: no params.yaml; run the command in the folder that holds params.yaml\n"
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_names_itself_and_what_makes_it(tmp_path):
    done = command("-c", "from stages.errors import run; run(lambda: open('data/x.json'))", cwd=tmp_path)
    assert done.returncode == 1
    assert (
        done.stderr == "error: no file data/x.json; `dvc repro` makes what is missing, in the right order\n"
    )


def test_several_mistakes_stand_below_each_other(tmp_path):
    (tmp_path / "params.yaml").write_text("a:\n  b: 1\n")
    program = """
from pathlib import Path
from stages import errors, parameters
mistakes = [parameters.Mistake(("a",), "is odd"), parameters.Mistake(("a", "b"), "is even")]
errors.run(lambda: parameters.load(Path("params.yaml"), lambda content: mistakes))
"""
    done = command("-c", program, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == ("error: params.yaml, line 1: a is odd\n       params.yaml, line 2: a.b is even\n")


def test_a_mistake_of_ours_keeps_its_traceback():
    code = "from stages.errors import run\ndef main():\n    raise ValueError('bug')\nrun(main)"
    done = command("-c", code)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("ValueError: bug\n")


def test_success_is_silent(capsys):
    errors.run(lambda: None)
    assert capsys.readouterr() == ("", "")


def test_the_message_is_the_error_itself():
    def main():
        raise errors.InputError("no such bird")

    with pytest.raises(SystemExit) as caught:
        errors.run(main)
    assert caught.value.code == "error: no such bird"


# --- trouble with the machine, in a real training

LIMITED = """
import resource, sys
from stages import errors, train
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
{limit}
sys.argv = ["train", "tiny.json", "data", "models/tiny"]
errors.run(train.main)
"""
FULL_DISK = "resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"
LITTLE_MEMORY = "resource.setrlimit(resource.RLIMIT_AS, (used + (600 << 20),) * 2)"


@pytest.fixture
def study(tmp_path):
    write_dataset(tmp_path / "data")
    return tmp_path


def train(folder, limit, **changes):
    """Trains under a limit that the kernel enforces; returns the exit code, its error and what is left."""
    write_json(folder / "tiny.json", variant(epochs=1, **changes))
    done = command("-c", LIMITED.format(limit=limit), cwd=folder)
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ") or "Error" in line]
    made = [path for name in (".checkpoints", "models") for path in (folder / name).rglob("*")]
    return done.returncode, said, [path for path in made if path.is_file()]


@pytest.mark.parametrize("size", [1000, 60_000], ids=["while it writes a checkpoint", "its model"])
def test_a_full_disk_ends_a_training_with_one_message_and_nothing_half_written(study, size):
    code, said, left = train(study, FULL_DISK.format(size), filters=[2, 3], dense_units=[8])
    message = "error: File too large; make room on the disk, then run again: what was finished is kept"
    assert (code, said) == (1, [message])
    assert [path.name for path in left] == ([] if size == 1000 else ["tiny.npz"])


def test_too_little_memory_ends_a_training_with_one_message_and_nothing_half_written(study):
    code, (message,), left = train(study, LITTLE_MEMORY, dense_units=[30_000, 3000], dense_dropout=[])
    assert (code, left) == (1, [])
    assert message.startswith("error: out of memory (OOM when allocating tensor with shape[")
    assert message.endswith("); lower batch_size in params.yaml, or end other programs")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "make room on the disk, then run again: what was finished is kept"),
        (errno.EDQUOT, "make room on the disk, then run again: what was finished is kept"),
        (errno.EACCES, "change its permissions or its owner, then run again"),
        (errno.EROFS, "run in a folder that can be written to"),
    ],
)
def test_trouble_with_the_disk_names_the_file_and_the_remedy(number, remedy):
    with pytest.raises(SystemExit) as caught:
        errors.run(lambda: raise_(OSError(number, "Trouble", "models/final")))
    assert caught.value.code == f"error: Trouble: models/final; {remedy}"


def test_numpys_error_of_a_full_disk_without_a_number_is_told_too():
    with pytest.raises(SystemExit, match="make room on the disk"):
        errors.run(lambda: np.ones(1_000_000).tofile("/dev/full"))


def test_another_error_of_the_system_keeps_its_traceback():
    with pytest.raises(OSError, match="Trouble"):
        errors.run(lambda: raise_(OSError(errno.EPIPE, "Trouble")))


def raise_(error):
    raise error


def test_a_folder_that_may_not_be_written_to_is_one_message():
    # where the kernel refuses even root
    source = "from pathlib import Path; from stages import atomic, errors\n"
    source += "errors.run(lambda: atomic.write_json(Path('/sys/summary.json'), 1))"
    done = command("-c", source)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert ": /sys/.summary.json.lock; " in done.stderr
    assert len(done.stderr.splitlines()) == 1
