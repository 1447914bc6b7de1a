"""SHA256SUMS as people write it."""

import re

import pytest

from stages.runtime.errors import InputError
from stages.sources.checksums import is_generated, read_checksums

ZEROS, ONES = "0" * 64, "a1" * 32


@pytest.mark.parametrize(
    "text",
    [
        *(f"{ONES}  a.tgz", f"{ONES} *a.tgz\n", f"{ONES}  ./a.tgz\n", f"# generated\n{ONES}  a.tgz\n"),
        *(f"{ONES.upper()}  a.tgz\r\n", f"\ufeff{ONES}  a.tgz\n\n", f"{ONES}  a.tgz\r"),
        f"{ZEROS}  a.tgz\n{ONES}  a.tgz\n",  # a line was appended for a new version
    ],
)
def test_checksums_may_be_written_in_any_of_the_usual_ways(tmp_path, text):
    (tmp_path / "SHA256SUMS").write_bytes(text.encode())
    assert read_checksums(tmp_path / "SHA256SUMS") == {"a.tgz": ONES}


@pytest.mark.parametrize("name", ["sub/a.tgz", "../a.tgz", "/a.tgz", "a.tgz "])
def test_the_name_of_another_file_stays_another_name(tmp_path, name):
    (tmp_path / "SHA256SUMS").write_text(f"{ONES}  {name}\n")
    assert list(read_checksums(tmp_path / "SHA256SUMS")) == [name]


@pytest.mark.parametrize(
    "line",
    [
        *("what is this", f"SHA256 (a.tgz) = {ZEROS}", f"{'0' * 63}  a.tgz", ZEROS, f"{ZEROS} a.tgz"),
        *(f"{ZEROS}\ta.tgz", f"{'g' * 64}  a.tgz", f"\\{ZEROS}  a", f" # {ZEROS}  a"),
    ],
)
def test_any_other_line_is_an_error_that_names_it(tmp_path, line):
    (tmp_path / "SHA256SUMS").write_text(f"\n{line}\n")
    message = f"SHA256SUMS, line 2: received {line!r}, expected '<sha256>  <name>'"
    with pytest.raises(InputError, match=re.escape(message)):
        read_checksums(tmp_path / "SHA256SUMS")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("# generated\n", True), (f"# generated\r\n{ONES}  a\n", True), ("", False)),
        *((f"{ONES}  a\n", False), (f"{ONES}  a\n# generated\n", False), ("# not generated\n", False)),
    ],
)
def test_the_first_line_says_whether_files_are_generated(tmp_path, text, expected):
    (tmp_path / "SHA256SUMS").write_bytes(text.encode())
    assert is_generated(tmp_path / "SHA256SUMS") == expected
