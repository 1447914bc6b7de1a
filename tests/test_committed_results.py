"""Committed results belong to the committed code and knobs, and committed tables to the results."""

import json
from pathlib import Path

import numpy as np
import pytest

from stages.results import claims, claims_table, evaluated, summary, summary_table
from stages.study import items

ROOT = Path(__file__).parent.parent
PLOTS = ROOT / "plots" / "variants"
OF_THE_RUN = {"name", "seed", "seeds"}  # knobs that run.json has apart

# Rows that were trained by other code or with other knobs than today's, and are to be trained again. The list
# may only shrink: a row that is up to date must leave it, and none may join it.
STALE = {"adagrad"}


@pytest.fixture(scope="module")
def resolved():
    """(stage, item) -> what `resolve` writes of it."""
    content = items.load(ROOT / "params.yaml", ROOT / "report.yaml")
    return {(path.parent.name, path.stem): json.loads(text) for path, text in items.files(content).items()}


@pytest.fixture(scope="module")
def records():
    """Variant -> its run.json."""
    paths = sorted(PLOTS.glob("*/run.json"))
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def training(name, resolved):
    """Returns what `resolve` writes of a variant's training."""
    return next(resolved[stage, name] for stage in items.TRAINERS.values() if (stage, name) in resolved)


def differences(record, expected):
    """Returns in what a row differs from the training of today: modules, knobs, seeds."""
    knobs, code = expected["knobs"], record.get("code", {})
    here, there = record.get("knobs", {}), {key: knobs[key] for key in knobs.keys() - OF_THE_RUN}
    seeds = [knobs.get("seed", 0) + place for place in range(knobs.get("seeds", 1))]
    return [
        *(
            name
            for name in code.keys() | expected["code"].keys()
            if code.get(name) != expected["code"].get(name)
        ),
        *(name for name in here.keys() | there.keys() if here.get(name) != there.get(name)),
        *(["seeds"] if record["seeds"] != seeds else []),
    ]


def test_every_row_is_of_the_code_and_knobs_of_today_but_for_those_that_are_listed(resolved, records):
    found = {name: differences(record, training(name, resolved)) for name, record in records.items()}
    stale = {name for name, differing in found.items() if differing}
    new = {name: sorted(found[name]) for name in stale - STALE}
    assert not new, f"stale, train them again with `python -m stages.run`: {new}"
    assert not STALE - stale, f"up to date, take them off the list: {sorted(STALE - stale)}"


def test_metrics_and_record_of_a_row_are_of_one_evaluation(records):
    assert {path.stem for path in (ROOT / "metrics").glob("*.json")} == set(records)
    for name, record in records.items():
        metrics = json.loads((ROOT / "metrics" / f"{name}.json").read_text(encoding="utf-8"))
        test = metrics["test"]
        assert (metrics["seeds"], len(record["accuracies"])) == (len(record["seeds"]),) * 2, name
        assert test["accuracy"] == pytest.approx(np.mean(record["accuracies"]), abs=1e-9), name
        assert (test["accuracy"], test["loss"]) == pytest.approx(
            (record["measured"]["test"]["accuracy"], record["measured"]["test"]["loss"])
        ), name
        correct = evaluated.read_correct(PLOTS / name / "correct.csv", record["splits"]["test"])
        assert correct is not None or name in STALE, name
        if correct is not None:
            assert correct.mean(axis=1).tolist() == pytest.approx(record["accuracies"]), name


def test_the_tables_are_what_compare_makes_of_the_results(resolved, tmp_path):
    study = resolved["compare", "study"]["knobs"]
    present = evaluated.read(study, ROOT / "metrics", PLOTS)
    known = {name: variant.record for name, variant in present.items()}
    summary_table.write_summary(tmp_path, summary.rows(study, present), known)
    claims_table.write_conclusions(tmp_path, claims.tested(study, present))
    for name in ("summary.md", "conclusions.md"):
        made, committed = (folder / name for folder in (tmp_path, ROOT / "plots"))
        again = "run `python -m stages.run compare report`"
        assert made.read_text(encoding="utf-8") == committed.read_text(encoding="utf-8"), f"{name}: {again}"
