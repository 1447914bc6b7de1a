"""Unfinished work is kept until DVC has recorded what came of it, and then freed."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stages.runtime import locks, store


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Unfinished features `birds`, as `cache_features` leaves them, of a result that is not recorded."""
    monkeypatch.chdir(tmp_path)
    for folder in (".checkpoints/features/birds", "data/features/birds", "data/resolved/cache_features"):
        Path(folder).mkdir(parents=True)
    Path(".checkpoints/features/birds/done.json").write_text("{}")
    Path("data/resolved/cache_features/birds.json").write_text('{"knobs": {}}')
    return Path(".checkpoints/features/birds")


def record(md5=None, out="data/features/birds"):
    """Writes dvc.lock as DVC does after `cache_features@birds`."""
    resolved = Path("data/resolved/cache_features/birds.json")
    md5 = md5 or hashlib.md5(resolved.read_bytes()).hexdigest()
    Path("dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  cache_features@birds:\n    cmd: x\n    deps:\n"
        f"    - path: {resolved.as_posix()}\n      hash: md5\n      md5: {md5}\n"
        f"    outs:\n    - path: {out}\n      hash: md5\n      md5: 0.dir\n"
    )


def free():
    store.free(Path(".checkpoints/features"), ["cache_features"])


def test_what_dvc_has_not_recorded_is_kept(kept):
    free()  # no dvc.lock at all
    record(md5="0" * 32)  # of other knobs or other code
    free()
    record(out="data/features/gone")  # the stage runs again: DVC has deleted its output
    free()
    Path("dvc.lock").write_text("schema: '2.0'\nstages:\n  cache_features@birds:\n    deps: [")  # cut off
    free()
    assert kept.exists()


def test_what_somebody_writes_is_kept(kept):
    record()
    with locks.held(kept.with_suffix(".lock")):
        free()
        assert kept.exists()
    free()
    assert not kept.exists()


def test_files_of_an_item_are_freed_like_folders_and_nothing_kept_is_fine(kept):
    kept.with_suffix(".npz").write_bytes(b"")
    record()
    free()
    free()
    assert list(kept.parent.iterdir()) == []
    store.free(Path("nowhere"), ["train"])


def test_stages_that_start_at_once_may_forget_the_same(kept):
    for number in range(200):
        leftover = Path(f".checkpoints/models/gone-{number}/seed-0")
        leftover.mkdir(parents=True)
        (leftover / "run.json").write_text("{}")
    with ThreadPoolExecutor(4) as threads:
        for task in [threads.submit(store.forget, Path(".checkpoints/models")) for _ in range(4)]:
            task.result()
    assert list(Path(".checkpoints/models").iterdir()) == []
