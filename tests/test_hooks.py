"""What the runner is told of the study's stages."""

import json
import os

import pytest

from stages.runtime import preload
from stages.workspace.hooks import StudyHooks

ITEM = "data/resolved/train/final.json"


def test_a_training_says_its_threads_and_seeds_and_what_computes_nothing_says_nothing():
    texts = {ITEM: '{"knobs": {"threads": 2, "seeds": 3}}', "data/resolved/prepare/x.json": '{"knobs": {}}'}
    meta = StudyHooks().meta
    assert meta(["data/x", ITEM], texts.get) == {"threads": 2, "parts": 3, "preload": True}
    assert meta(["data/resolved/prepare/x.json"], texts.get) == {}
    assert meta(["data/resolved/train/new.json"], texts.get) == {}  # not written yet
    assert meta(["params.yaml"], texts.get) == {}


def test_finished_seeds_that_were_kept_do_not_count(tmp_path):
    for seed, time in enumerate((10, 20, 30)):
        run = tmp_path / f"seed-{seed}" / "run.json"
        run.parent.mkdir()
        run.touch()
        os.utime(run, (time, time))
    assert StudyHooks().parts_done([tmp_path], since=15) == 2
    assert StudyHooks().parts_done([tmp_path / "metrics.json"], since=15) == 1


@pytest.mark.parametrize(
    ("reasons", "kept"),
    [(["knob seeds: 3 -> 5"], 3), (["knob seeds: 3 -> 5", "knob epochs: 1 -> 2"], 0), ([], 0)],
)
def test_seeds_are_kept_where_only_their_number_grew(reasons, kept):
    assert StudyHooks().parts_kept(reasons) == kept


def test_a_node_gets_the_variables_that_change_results_and_its_cores(monkeypatch):
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    found = StudyHooks().environment(4)
    assert found["NVIDIA_TF32_OVERRIDE"] == "0"
    assert (found["KERAS_BACKEND"], found["STUDY_CORES"]) == (os.environ["KERAS_BACKEND"], "4")
    assert "PATH" not in found


def test_items_that_differ_are_told_by_knobs_and_code():
    old = {"knobs": {"a": 1}, "code": {"stages.x": "1", "stages.gone": "2"}, "uses": ["x"]}
    new = {"knobs": {"a": 2}, "code": {"stages.x": "1"}, "uses": ["y"]}
    assert StudyHooks().differences(ITEM, json.dumps(old), json.dumps(new)) == ["knob a: 1 -> 2"]


def test_a_study_that_differs_is_not_said_to_be_a_knob():
    old, new = ({"knobs": {"variants": [], "source": {"year": n}}, "code": {}, "uses": []} for n in (1, 2))
    assert StudyHooks().differences(ITEM, json.dumps(old), json.dumps(new)) == ["source.year: 1 -> 2"]


def test_what_is_imported_once_is_a_module_of_ours(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert StudyHooks().preload == preload.__name__
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert StudyHooks().preload == ""
