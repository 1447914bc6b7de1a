"""Resolved items: what `resolve` writes is what a stage reads, unless the code was edited in between."""

import json

import pytest

from stages.runtime import resolved
from stages.runtime.errors import InputError

KNOBS = {"filters": [6, 16], "zoom": 0.5, "optimizer": {"class_name": "SGD", "config": {}}}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "prepare/birds.json"
    resolved.write(path, "prepare", KNOBS, ("stages.datasets.folder", "stages.datasets.cub200"))
    found = resolved.read(path, "prepare")
    assert found.knobs == KNOBS
    assert found.uses == ("stages.datasets.cub200", "stages.datasets.folder")
    assert {"stages.prepare", "stages.datasets.cub200"} <= found.code.keys()
    assert all(len(value) == 16 for value in found.code.values())


def test_equal_items_are_equal_bytes(tmp_path):
    for name, knobs in (("a", {"x": 1, "y": 2}), ("b", {"y": 2, "x": 1})):
        resolved.write(tmp_path / name, "prepare", knobs)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_is_written_depends_on_the_modules_that_knobs_name(tmp_path):
    codes = set()
    for uses in ((), ("stages.datasets.folder",), ("stages.datasets.cub200",)):
        resolved.write(tmp_path / "x", "compare", {}, uses)
        codes.add(frozenset(resolved.read(tmp_path / "x", "compare").code))
    assert len(codes) == 3


def test_code_edited_after_resolve_is_an_error(tmp_path):
    """Otherwise results would be recorded under other code than ran."""
    path = tmp_path / "birds.json"
    resolved.write(path, "prepare", KNOBS)
    item = json.loads(path.read_text())
    item["code"]["stages.datasets.splits"] = "0" * 16
    path.write_text(json.dumps(item))
    expected = r"^stages/datasets/splits.py: edited after `resolve` wrote .*birds\.json; run `dvc repro`"
    with pytest.raises(InputError, match=expected):
        resolved.read(path, "prepare")
