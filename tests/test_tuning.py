"""The log of trials: what each changed and how it validated, read from trained variants."""

import csv
import json

import numpy as np
import pytest

from benchmarks import tuning

HISTORY = "epoch,loss,accuracy\n1,2.0,0.3\n2,1.0,0.6\n3,0.9,0.7\n"


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A function that writes what a training leaves in a project's models/NAME."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()

    def trained(name, *, history=HISTORY, seeds=1, notes=None, **knobs):
        for seed in range(seeds):
            folder = tmp_path / "project" / "models" / name / f"seed-{seed}"
            folder.mkdir(parents=True)
            (folder / "history.csv").write_text(history)
            right = np.arange(4) < 2 + seed  # of four images, each with a probability of 0.8
            predicted = np.where(right[:, None], (0.8, 0.2), (0.2, 0.8))
            np.savez(
                folder / "predictions.npz",
                validation_probabilities=predicted,
                validation_labels=np.zeros(4, np.int64),
            )
            (folder / "run.json").write_text(
                json.dumps({"knobs": knobs, "epochs": 3, "notes": notes or {}, "seed": seed})
            )

    return trained


def log(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["tuning", *arguments])
    tuning.main()
    with tuning.LOG.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_trial_is_what_it_changes_and_what_its_seeds_predict_on_average(trained, monkeypatch):
    trained("base", flip=True, batch_size=32)
    trained("cut", flip=True, batch_size=32, cutout=8, seeds=2)
    base, cut = log(monkeypatch, "CIFAR", "project", "base", "cut")
    assert base["changes"] == "flip: false -> true; batch_size: not set -> 32"
    assert (cut["trial"], cut["changes"], cut["seeds"]) == ("cut", "cutout: 0 -> 8", "2")
    assert (base["val_accuracy"], base["val_loss"], base["accuracy"]) == ("0.5000", "0.9163", "0.7000")
    assert (cut["val_accuracy"], cut["val_loss"], cut["accuracy"]) == ("0.6250", "0.7430", "0.7000")


def test_the_best_epoch_and_the_chosen_penalty_stand_for_a_trial_that_has_one(trained, monkeypatch):
    trained("best", notes={"best_epoch": 2})
    trained("convex", history=HISTORY.replace("epoch", "penalty"), notes={"penalty": 1.0})
    best, convex = log(monkeypatch, "both", "project", "best", "convex")
    assert (best["accuracy"], convex["accuracy"]) == ("0.6000", "0.3000")


def test_a_trial_logged_again_is_replaced_and_what_a_person_wrote_stays(trained, monkeypatch):
    trained("base", flip=True)
    trained("other", flip=True, zoom=0.2)
    log(monkeypatch, "one", "project", "base", "other")
    tuning.PAGE.write_text(tuning.PAGE.read_text() + tuning.KEPT + "\nZoom was not taken.\n")
    rows = log(monkeypatch, "two", "project", "other")
    assert [(row["title"], row["trial"]) for row in rows] == [
        ("one", "base"),
        ("one", "other"),
        ("two", "other"),
    ]
    assert len(log(monkeypatch, "one", "project", "base", "other")) == 3
    text = tuning.PAGE.read_text()
    assert text.count("## one") == 1
    assert "| `other` | zoom: 0.0 -> 0.2 | 3 | 1 | 0.5000 | 0.9163 | 0.7000 |" in text
    assert text.endswith("## What came of it\n\nZoom was not taken.\n")
