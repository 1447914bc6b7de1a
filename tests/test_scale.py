"""The page of the benchmark of growth says what was measured."""

from benchmarks import scale
from benchmarks.scale import Cost

MIB = 2**20
TABLE = {
    "resolve": {26: Cost(1.0, 2.0, 50 * MIB), 260: Cost(10.0, 20.0, 500 * MIB)},
    "run": {26: Cost(2.0, 2.0, 50 * MIB), 260: Cost(2.0, 2.0, 50 * MIB)},
}


def test_growth_is_a_table_with_its_exponent():
    lines = scale.page(TABLE, {1: Cost(9.0, 10.0, MIB), 2: Cost(9.5, 5.0, 2 * MIB)}).splitlines()
    assert "| | 26 | 260 | exponent |" in lines
    assert "| resolve | 1.0 s, 50 | 10.0 s, 500 | 1.00 |" in lines
    assert "| run | 2.0 s, 50 | 2.0 s, 50 | 0.00 |" in lines
    assert lines[-2:] == ["| 1 | 10 | 9 | 1 |", "| 2 | 5 | 10 | 2 |"]


def test_a_cost_counts_the_processes_that_a_command_starts(tmp_path):
    child = "import time; x = bytes(range(256)) * 400_000; time.sleep(1)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    cost = scale.measure(["-c", program], tmp_path)
    assert cost.memory > 100 * MIB
    assert cost.wall > 1 > cost.cpu > 0
