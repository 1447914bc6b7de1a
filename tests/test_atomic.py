"""Outputs that appear whole or not at all."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from stages.runtime.atomic import replacing, write_json


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_a_file_appears_at_the_end(tmp_path):
    with replacing(tmp_path / "deep" / "new.txt") as partial:
        partial.write_text("new")
        assert not (tmp_path / "deep" / "new.txt").exists()
        assert partial.parent == tmp_path / "deep"  # the same disk, so that renaming is one step
    assert contents(tmp_path) == {"deep": None, "deep/new.txt": "new"}


def test_a_file_is_replaced(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert contents(tmp_path) == {"file": "new"}


def test_a_folder_is_replaced_with_all_it_held(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "stale").write_text("old")
    with replacing(path) as partial:
        partial.mkdir()
        (partial / "fresh").write_text("new")
        assert (path / "stale").exists()
    assert contents(tmp_path) == {"folder": None, "folder/fresh": "new"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("is_folder", [True, False])
def test_a_failure_leaves_the_old_and_nothing_else(tmp_path, error, is_folder):
    path = tmp_path / "out"
    if is_folder:
        path.mkdir()
        (path / "old").write_text("old")
    else:
        path.write_text("old")
    before = contents(tmp_path)
    with pytest.raises(error), replacing(path) as partial:  # noqa: PT012
        if is_folder:
            partial.mkdir()
            (partial / "half").write_text("new")
        else:
            partial.write_text("new")
        raise error
    assert contents(tmp_path) == before


def test_what_a_killed_run_left_at_the_same_place_is_overwritten(tmp_path):
    with replacing(tmp_path / "out") as partial:
        name = partial.name
        partial.mkdir()
    (tmp_path / name).mkdir()
    (tmp_path / name / "half").write_text("half")
    with replacing(tmp_path / "out") as partial:
        partial.mkdir()
        (partial / "whole").write_text("whole")
    assert contents(tmp_path) == {"out": None, "out/whole": "whole"}


def test_a_link_into_a_cache_is_replaced_and_its_target_stays(tmp_path):
    (tmp_path / "cached").write_text("old")
    (tmp_path / "out").symlink_to("cached")
    with replacing(tmp_path / "out") as partial:
        partial.write_text("new")
    assert contents(tmp_path) == {"cached": "old", "out": "new"}


def test_equal_values_are_equal_json(tmp_path):
    write_json(tmp_path / "first", {"b": [1, 2.5], "a": "é"})
    write_json(tmp_path / "second", {"a": "é", "b": [1, 2.5]})
    text = (tmp_path / "first").read_text(encoding="utf-8")
    assert text == (tmp_path / "second").read_text(encoding="utf-8")
    assert text == '{\n  "a": "é",\n  "b": [\n    1,\n    2.5\n  ]\n}\n'
    assert json.loads(text) == {"a": "é", "b": [1, 2.5]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_json_without_a_number_for_it_is_refused_and_the_old_stays(tmp_path, value):
    write_json(tmp_path / "out", 1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "out", {"loss": value})
    assert contents(tmp_path) == {"out": "1\n"}


def test_what_two_write_at_once_is_whole_and_of_one_of_them(tmp_path):
    def write(number):
        for _ in range(20):
            with replacing(tmp_path / "out") as partial:
                partial.mkdir()
                for name in ("a", "b"):
                    (partial / name).write_text(str(number))

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(write, (1, 2))) == [None, None]
    assert contents(tmp_path) in ({"out": None, "out/a": n, "out/b": n} for n in ("1", "2"))


def test_a_folder_moved_aside_by_a_killed_process_comes_back(tmp_path):
    """Killed between the two renames: the old folder is aside, the new one not yet in its place."""
    aside = tmp_path / ".out.replaced.partial"
    aside.mkdir()
    (aside / "old").write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "out"):
        raise ZeroDivisionError
    assert contents(tmp_path) == {"out": None, "out/old": "old"}


def test_files_reach_the_disk_before_they_get_their_name(tmp_path, monkeypatch):
    synced = []
    original = os.fsync

    def fsync(descriptor):
        assert not (tmp_path / "out").exists()
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        original(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with replacing(tmp_path / "out") as partial:
        partial.mkdir()
        (partial / "file").write_text("new")
    assert synced == [str(partial), str(partial / "file")]
