"""What a training costs, from a few steps of the stage's own code."""

import json
import sys

import pytest
from commands import call

from benchmarks import costs
from benchmarks.studies import SMALL, write_dataset, write_resolved

KNOBS = {"epochs": 20, "seeds": 3}


def test_an_epoch_is_measured_and_nothing_is_trained(tmp_path):
    write_dataset(tmp_path / "pets")
    write_resolved(tmp_path / "resolved.json", network=SMALL, seeds=2)
    measure = ("-m", "benchmarks.costs", "--one", "train", "resolved.json", "pets", "models/tiny")
    done = call(tmp_path, sys.executable, *measure)
    assert (done.returncode, done.stderr) == (0, "")
    assert 0 < float(done.stdout.split()[-1]) < 60
    assert not (tmp_path / "models").exists()


def test_hours_are_those_of_all_epochs_and_seeds():
    row = costs.row("final", "variants", KNOBS, 36.0)
    assert (row["hours"], row["seconds_per_epoch"]) == ("0.60", "36.00")


@pytest.mark.parametrize(("group", "data"), [("heads", 2), ("variants", 1)])
def test_a_variant_is_measured_on_what_its_stage_reads(group, data):
    content = {group: {"mine": {"data": "pets"}}}
    arguments = costs.command("mine", group, content)[4:]
    assert arguments[0] == costs.items.TRAINERS[group]
    assert len(arguments) == data + 3
    assert json.dumps(arguments).count("pets") == data


def test_each_machine_has_a_table_and_a_sum():
    rows = [costs.row(name, "variants", KNOBS, 36.0) for name in ("one", "two")]
    other = rows[0] | {"variant": "three", "machine": "a GPU"}
    text = costs.page([*rows, other])
    assert "| `one` | 20 | 3 | 36.00 | 0.60 |" in text
    assert "| all | | | | 1.2 |" in text
    assert text.count("## ") == 2
