"""Arrays in files: written in place, with their disk space reserved first."""

import signal
import sys

import numpy as np
import pytest
from commands import call

from stages.runtime import memmaps


def test_the_array_is_a_file_of_zeros_to_write_into(tmp_path):
    array = memmaps.create(tmp_path / "a.npy", np.float16, (3, 2))
    array[1] = 7
    array.flush()
    assert np.load(tmp_path / "a.npy").tolist() == [[0, 0], [7, 7], [0, 0]]
    assert np.load(tmp_path / "a.npy").dtype == np.float16


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no posix_fallocate")
def test_too_little_disk_space_is_an_error_before_anything_is_written(tmp_path):
    memmaps.create(tmp_path / "a.npy", np.uint8, (1 << 20,))
    taken = (tmp_path / "a.npy").stat().st_blocks * 512
    assert taken >= 1 << 20  # a file with holes would take its space later, or not get it
    source = (
        "import resource, numpy as np\nfrom pathlib import Path\nfrom stages.runtime import errors, memmaps\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({1 << 20},) * 2)\n"
        f"errors.run(lambda: memmaps.create(Path('b.npy'), np.uint8, ({1 << 21},)))"
    )
    done = call(tmp_path, sys.executable, "-c", source)
    assert done.returncode == 1, f"killed by {signal.Signals(-done.returncode).name}"
    assert done.stderr.startswith("error: File too large")
