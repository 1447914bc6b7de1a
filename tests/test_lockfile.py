"""dvc.lock, whole and damaged."""

from contextlib import suppress
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
FIRST = TEXT.index("  train@final:")
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
        with suppress(InputError):
            entries = lockfile.read(path)
            n_whole += 1
            COMPILED_LOCKFILE_SCHEMA(YAML(typ="safe", pure=True).load(TEXT[:end]))
            assert {(str(out.path), out.md5) for outs in entries.values() for out in outs} <= OUTS
    assert 0 < n_whole < TEXT.count("\n")


@pytest.mark.parametrize(
    "text", ["", "schema: '2.0'\n", "[]", "\0", TEXT[: FIRST - 5], TEXT[:FIRST] + "? broken\n" + TEXT[FIRST:]]
)
def test_what_is_no_dvc_lock_is_refused(path, text):
    path.write_text(text)
    with pytest.raises(InputError, match="is cut off"):
        lockfile.read(path)


@pytest.mark.parametrize("marks", ["<<<<<<< HEAD\n", "=======\n", ">>>>>>> other branch\n"])
def test_a_merge_conflict_is_called_one(path, marks):
    path.write_text(TEXT[:FIRST] + marks + TEXT[FIRST:])
    line = TEXT[:FIRST].count("\n") + 1
    with pytest.raises(InputError, match=rf"a merge left a conflict in line {line}; keep one side \(`git"):
        lockfile.read(path)
