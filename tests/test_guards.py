"""The table of threats: every row names a guard and a test that exist."""

import re
from pathlib import Path

import pytest

from benchmarks import guards

ROOT = Path(__file__).parent.parent
ROWS = guards.rows()
GREEN = "def test_it():\n    assert (1, 2) > (1,)\n"


def test_every_row_names_a_test_and_a_guard_that_exist() -> None:
    for row in ROWS:
        assert set(row) == {"section", "threat", "guard", "test", "file", "remove", "put"}
        path, _, name = row["test"].partition("::")
        test = rf"^def {name.partition('[')[0]}\("
        assert re.search(test, (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), row["test"]
        source = (ROOT / row["file"]).read_text(encoding="utf-8")
        assert source.count(row["remove"]) == 1, (row["file"], row["remove"])
        mutated = source.replace(row["remove"], row["put"])
        assert mutated != source
        if row["file"].endswith(".py"):
            compile(mutated, row["file"], "exec")


@pytest.mark.parametrize(("put", "is_green"), [("> (2,)", False), (">= (1,)", True), ("> (1", True)])
def test_only_a_test_that_runs_and_fails_proves_its_guard(tmp_path: Path, put: str, is_green: bool) -> None:
    (tmp_path / "test_it.py").write_text(GREEN)
    row = {"file": "test_it.py", "remove": "> (1,)", "put": put, "test": "test_it.py::test_it"}
    assert (guards.stays_green(tmp_path, row) is not None) == is_green
    assert (tmp_path / "test_it.py").read_text() == GREEN
