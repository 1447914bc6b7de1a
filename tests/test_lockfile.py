"""dvc.lock read, mended and thinned out; that DVC takes the result is tested in test_verify.py."""

from pathlib import Path

import pytest
from dvc.schema import COMPILED_LOCKFILE_SCHEMA

from stages import parameters
from stages.errors import InputError
from stages.inspection import lockfile

TEXT = """schema: '2.0'
stages:
  resolve:
    cmd: python -m stages.resolve params.yaml
    outs:
    - path: data/variants
      hash: md5
      md5: 0123456789abcdef.dir
      size: 12
      nfiles: 2
  train@final:
    cmd: python -m stages.train data/variants/final.json
      models/final
    deps:
    - path: data/variants/final.json
      hash: md5
      md5: '1234567890'
      size: 6
    params:
      params.yaml:
        features:
          threads: 2
        urls:
        - https://example.org
    outs:
    - path: models/final
      hash: md5
      md5: 123456789abcdef0.dir
      size: 120
      nfiles: 4
  'evaluate@0':
    cmd: python -m stages.evaluate
    outs:
    - path: metrics/0.json
      hash: md5
      md5: 23456789abcdef01
      size: 7
"""
FIRST, SECOND = TEXT.index("  train@final:"), TEXT.index("  'evaluate@0':")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "dvc.lock").write_text(TEXT)
    return tmp_path / "dvc.lock"


def test_entries_are_read(path: Path) -> None:
    entries = lockfile.read(path)
    assert list(entries) == ["resolve", "train@final", "evaluate@0"]
    assert entries["train@final"]["deps"][0]["md5"] == "1234567890"


def test_without_dvc_lock_it_is_said_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no .*dvc\.lock; run the command in the study's folder, after a"):
        lockfile.read(tmp_path / "dvc.lock")


@pytest.mark.parametrize(
    ("removed", "expected"),
    [
        (["resolve"], TEXT[: TEXT.index("  resolve:")] + TEXT[FIRST:]),
        (["train@final"], TEXT[:FIRST] + TEXT[SECOND:]),
        (["evaluate@0"], TEXT[:SECOND]),
        (["resolve", "evaluate@0"], TEXT[: TEXT.index("  resolve:")] + TEXT[FIRST:SECOND]),
        (["other"], TEXT),
    ],
)
def test_the_rest_stays_byte_for_byte(path: Path, removed: list[str], expected: str) -> None:
    lockfile.forget(path, removed)
    assert path.read_text() == expected
    assert set(lockfile.read(path)) == {"resolve", "train@final", "evaluate@0"} - set(removed)


def test_nothing_is_left_of_a_lock_without_entries(path: Path) -> None:
    lockfile.forget(path, ["resolve", "train@final", "evaluate@0"])
    assert not path.exists()


def test_a_lock_cut_off_anywhere_is_whole_only_where_dvc_can_read_it(path: Path) -> None:
    for end in range(0, len(TEXT), 3):
        path.write_text(TEXT[:end])
        if lockfile.read(path) is not None:
            COMPILED_LOCKFILE_SCHEMA(parameters.load(path))


def test_whatever_was_cut_off_the_entries_before_it_are_kept(path: Path) -> None:
    for end in range(0, len(TEXT), 3):
        path.write_text(TEXT[:end])
        if lockfile.read(path) is None:
            lockfile.keep_whole_entries(path)
            kept = path.read_text() if path.exists() else ""
            assert kept in ("", TEXT[:FIRST], TEXT[:SECOND])
            assert len(kept) > 0 or end <= FIRST + 2


@pytest.mark.parametrize("text", ["", "schema: '2.0'\n", "schema: '2.0'\nstages:\n", "[]", "\0"])
def test_of_a_lock_without_an_entry_nothing_is_kept(path: Path, text: str) -> None:
    path.write_text(text)
    assert lockfile.read(path) is None
    lockfile.keep_whole_entries(path)
    assert not path.exists()


def test_a_lock_that_is_broken_in_the_middle_is_not_touched(path: Path) -> None:
    broken = TEXT[:FIRST] + "<<<<<<< HEAD\n" + TEXT[FIRST:]
    path.write_text(broken)
    assert lockfile.read(path) is None
    with pytest.raises(InputError, match="is broken before its last entry too; `git checkout"):
        lockfile.keep_whole_entries(path)
    assert path.read_text() == broken
    assert list(path.parent.iterdir()) == [path]
