"""The table of threats: every row names a guard and a test that are there, and the page is current."""

import re
from pathlib import Path

import pytest

from benchmarks import guards

ROOT = Path(__file__).parent.parent
ROWS = guards.rows()


def test_there_are_at_least_sixty_rows_and_no_two_are_equal() -> None:
    assert len(ROWS) >= 60
    assert len({(row["threat"], row["test"]) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[f"{number}" for number in range(1, len(ROWS) + 1)])
def test_a_row_names_a_test_and_a_guard_that_are_there(row: dict[str, str]) -> None:
    assert set(row) == {"section", "threat", "guard", "test", "file", "remove", "put"}
    path, _, name = row["test"].partition("::")
    function = name.partition("[")[0]
    assert re.search(rf"^def {function}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    source = (ROOT / row["file"]).read_text(encoding="utf-8")
    assert source.count(row["remove"]) == 1
    mutated = source.replace(row["remove"], row["put"])
    assert mutated != source
    if row["file"].endswith(".py"):
        compile(mutated, row["file"], "exec")


def test_the_page_is_written_from_the_rows() -> None:
    assert guards.TABLE.read_text(encoding="utf-8") == guards.table(ROWS)
