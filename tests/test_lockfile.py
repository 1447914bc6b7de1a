"""dvc.lock read and repaired; test_verify.py shows that DVC takes the result."""

from pathlib import Path

import pytest
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from ruamel.yaml import YAML

from stages.runtime.errors import InputError
from stages.workspace import lockfile

HASH = "0123456789abcdef0123456789abcdef"
TEXT = f"""schema: '2.0'
stages:
  resolve:
    cmd: python -m stages.resolve params.yaml
    outs:
    - path: data/resolved
      hash: md5
      md5: {HASH}.dir
      size: 12
      nfiles: 2
  train@final:
    cmd: python -m stages.train data/resolved/train/final.json
      models/final
    deps:
    - path: data/resolved/train/final.json
      hash: md5
      md5: {HASH}
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
      md5: {HASH}.dir
      size: 120
      nfiles: 4
  'evaluate@0':
    cmd: python -m stages.evaluate
    outs:
    - path: metrics/0.json
      hash: md5
      md5: {HASH}
      size: 7
"""
FIRST, SECOND = TEXT.index("  train@final:"), TEXT.index("  'evaluate@0':")
CUTS = sorted({*range(0, len(TEXT), 11), *(n for n, c in enumerate(TEXT[:-1], start=1) if c == "\n")})
OUTS = {("data/resolved", f"{HASH}.dir"), ("models/final", f"{HASH}.dir"), ("metrics/0.json", HASH)}


@pytest.fixture
def path(tmp_path):
    (tmp_path / "dvc.lock").write_text(TEXT)
    return tmp_path / "dvc.lock"


def test_outputs_are_read_and_dependencies_are_not(path):
    entries = lockfile.read(path)
    assert list(entries) == ["resolve", "train@final", "evaluate@0"]
    assert entries["train@final"] == [lockfile.Out(Path("models/final"), "train@final", f"{HASH}.dir")]


def test_a_cut_off_lock_never_gives_an_output_another_hash_and_is_read_only_where_dvc_reads_it(path):
    """Or a sound output would differ from the hash recorded for it."""
    n_whole = 0
    for end in CUTS:
        path.write_text(TEXT[:end])
        entries = lockfile.read(path)
        if entries is not None:
            n_whole += 1
            COMPILED_LOCKFILE_SCHEMA(YAML(typ="safe", pure=True).load(TEXT[:end]))
            assert {(str(out.path), out.md5) for outs in entries.values() for out in outs} <= OUTS
    assert 0 < n_whole < TEXT.count("\n")


def test_wherever_it_was_cut_off_the_entries_before_it_are_kept(path):
    for end in CUTS:
        path.write_text(TEXT[:end])
        if lockfile.read(path) is None and end > FIRST + 2:
            assert lockfile.cut_off(path.parent).repair() == f"removed the last entry of {path}"
            assert path.read_text() in (TEXT[:FIRST], TEXT[:SECOND])


@pytest.mark.parametrize(
    "text", ["", "schema: '2.0'\n", "[]", "\0", TEXT[: FIRST - 5], TEXT[:FIRST] + "? broken\n" + TEXT[FIRST:]]
)
def test_what_holds_no_whole_entry_or_is_broken_elsewhere_is_not_touched(path, text):
    path.write_text(text)
    assert lockfile.read(path) is None
    with pytest.raises(InputError, match=r"no whole entry before the break; `git checkout .*`, or remove it"):
        lockfile.cut_off(path.parent).repair()
    assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("marks", ["<<<<<<< HEAD\n", "=======\n", ">>>>>>> other branch\n"])
def test_a_merge_conflict_is_called_one(path, marks):
    path.write_text(TEXT[:FIRST] + marks + TEXT[FIRST:])
    line = TEXT[:FIRST].count("\n") + 1
    with pytest.raises(InputError, match=rf"a merge left a conflict in line {line}; keep one side \(`git"):
        lockfile.read(path)
