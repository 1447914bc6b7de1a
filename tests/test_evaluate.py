"""evaluate: from a run's files to its metrics, tables and pictures."""

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages import evaluate
from stages.errors import InputError

ROOT = Path(__file__).parents[1]

HISTORY = """epoch,loss,accuracy,val_loss,val_accuracy,learning_rate
1,3.0,0.1,3.1,0.05,0.01
2,2.5,0.25,2.75,0.2,0.01
"""

RUN = {
    "variant": "final",
    "dataset": "cifar100",
    "parameters": {"total": 120, "trainable": 100},
    "seed": 3,
    "threads": 2,
    "epochs": 2,
    "backend": "tensorflow",
    "device": "CPU",
    "versions": {"keras": "3.15.0"},
    "settings": {},
    "provenance": "stand-in",
    "sources": {
        "archive.tar.gz": {
            "kind": "stand-in",
            "bytes": 9,
            "sha256": "ab",
            "official": "cd",
            "note": "made here",
        }
    },
}

NAMES = ["apple", "baby", "bear"]
# Predicted, row by row: apple, baby, baby, bear; the true classes are apple, apple, baby, bear.
PROBABILITIES = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.125, 0.75, 0.125], [0, 0, 1]], np.float32)
LABELS = np.array([0, 0, 1, 2])


def write_run(folder: Path, history: str = HISTORY, **changes: object) -> Path:
    """Writes what train leaves in models/final; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "history.csv").write_text(history)
    splits = {f"{split}_probabilities": PROBABILITIES for split in ("validation", "test")}
    splits |= {f"{split}_labels": LABELS for split in ("validation", "test")}
    np.savez(folder / "predictions.npz", **splits, class_names=np.array(NAMES))
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.[cn]*")}
    (folder / "run.json").write_text(json.dumps(RUN | {"sha256": hashes} | changes))
    return folder


def run_evaluate(monkeypatch: pytest.MonkeyPatch, folder: Path) -> tuple[dict, Path]:
    """Runs the command on models/final; returns the metrics and the folder of plots."""
    metrics, plots = folder / "metrics" / "final.json", folder / "plots" / "variants" / "final"
    monkeypatch.setattr(sys, "argv", ["evaluate", str(folder / "models" / "final"), str(metrics), str(plots)])
    evaluate.main()
    return json.loads(metrics.read_text()), plots


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_metrics_say_what_came_out_and_from_what(tmp_path, monkeypatch):
    write_run(tmp_path / "models" / "final")
    metrics, _ = run_evaluate(monkeypatch, tmp_path)
    kept = {key: value for key, value in RUN.items() if key != "sources"}
    assert {key: metrics[key] for key in kept} == kept
    assert metrics["sources"] == {"archive.tar.gz": {"kind": "stand-in", "sha256": "ab"}}
    assert set(metrics) == {*RUN, "test", "validation"}
    test = metrics["test"]
    # the true classes have 1/2, 1/4, 3/4 and 1, the last clipped to 1 - 1e-7:
    # (ln 2 + 2 ln 2 + ln 4 - ln 3 + 1e-7) / 4 = (5 ln 2 - ln 3 + 1e-7) / 4
    assert test["loss"] == pytest.approx((5 * np.log(2) - np.log(3) + 1e-7) / 4, rel=1e-9)
    assert (test["accuracy"], test["top5_accuracy"], test["n"]) == (0.75, 1.0, 4)
    # bins of a fifteenth hold confidences 1/2 (two, one right: gap 0), 3/4 (gap 1/4) and 1 (gap 0)
    assert test["calibration_error"] == pytest.approx(0.25 / 4)
    assert metrics["validation"] == test


def test_tables_hold_one_row_per_epoch_and_line_and_one_per_test_image(tmp_path, monkeypatch):
    write_run(tmp_path / "models" / "final")
    _, plots = run_evaluate(monkeypatch, tmp_path)
    assert (plots / "loss.csv").read_text() == (
        "epoch,line,loss\n1,training,3.0\n2,training,2.5\n1,validation,3.1\n2,validation,2.75\n"
    )
    assert (plots / "accuracy.csv").read_text() == (
        "epoch,line,accuracy\n1,training,0.1\n2,training,0.25\n1,validation,0.05\n2,validation,0.2\n"
    )
    assert rows_of(plots / "confusion.csv") == [
        ["actual", "predicted"],
        ["apple", "apple"],
        ["apple", "baby"],
        ["baby", "baby"],
        ["bear", "bear"],
    ]
    assert rows_of(plots / "per_class_accuracy.csv") == [
        ["class", "accuracy", "n"],
        ["apple", "0.5", "2"],
        ["baby", "1.0", "1"],
        ["bear", "1.0", "1"],
    ]
    pictures = sorted(path.name for path in plots.glob("*.png"))
    assert pictures == ["confusion_matrix.png", "learning_curves.png", "per_class_accuracy.png"]


def test_a_second_run_writes_the_same_bytes_and_removes_what_is_no_longer_made(tmp_path, monkeypatch):
    write_run(tmp_path / "models" / "final")
    _, plots = run_evaluate(monkeypatch, tmp_path)
    first = {path.name: path.read_bytes() for path in plots.iterdir()}
    (plots / "old.csv").write_text("left by an older version")
    run_evaluate(monkeypatch, tmp_path)
    assert {path.name: path.read_bytes() for path in plots.iterdir()} == first
    assert sorted(path.name for path in plots.parent.iterdir()) == ["final"], "no partial folder stays behind"


def test_pictures_of_stand_in_data_differ_from_those_of_official_data(tmp_path, monkeypatch):
    pictures = []
    for provenance in ("official", "stand-in"):
        write_run(tmp_path / "models" / "final", provenance=provenance)
        _, plots = run_evaluate(monkeypatch, tmp_path)
        pictures.append((plots / "learning_curves.png").read_bytes())
    assert pictures[0] != pictures[1]


def test_one_line_sums_the_run_up(tmp_path, monkeypatch, capsys):
    write_run(tmp_path / "models" / "final")
    run_evaluate(monkeypatch, tmp_path)
    # Wilson for 3 in 4: z^2 = 3.84146, centre (0.75 + 0.480182) / 1.960365 = 0.627527,
    # half 1.95996 / 1.960365 * sqrt(0.046875 + 0.0600228) = 0.326885
    assert capsys.readouterr().out == (
        "final: test loss 0.5918, accuracy 0.7500 (95 % interval 0.3006 to 0.9544, n = 4)\n"
    )


def test_a_failure_leaves_earlier_results_as_they_were(tmp_path, monkeypatch):
    folder = write_run(tmp_path / "models" / "final")
    _, plots = run_evaluate(monkeypatch, tmp_path)
    before = (plots / "loss.csv").read_bytes()
    write_run(folder, "epoch,loss\n1,2.0\n")
    with pytest.raises(InputError) as error:
        run_evaluate(monkeypatch, tmp_path)
    assert str(error.value) == (
        f"{folder / 'history.csv'} holds 1 rows of epoch, loss, expected at least one row of"
        " epoch, loss, val_loss; train the variant again"
    )
    assert (plots / "loss.csv").read_bytes() == before
    assert (plots / "learning_curves.png").exists()


@pytest.mark.parametrize("value", ["nan", "", "fast"])
def test_a_curve_without_a_number_is_named_with_its_epoch(tmp_path, monkeypatch, value):
    folder = write_run(tmp_path / "models" / "final", HISTORY.replace("2.75", value))
    with pytest.raises(InputError) as error:
        run_evaluate(monkeypatch, tmp_path)
    path = folder / "history.csv"
    assert str(error.value) == (
        f"{path}, epoch 2: val_loss is {value!r}, expected a number; train the variant again"
    )


def test_a_record_without_a_key_is_named(tmp_path, monkeypatch):
    folder = write_run(tmp_path / "models" / "final")
    record = {key: value for key, value in RUN.items() if key not in ("seed", "provenance")}
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(
        InputError, match=r"run\.json: no seed, provenance, sha256, it holds backend, dataset"
    ):
        run_evaluate(monkeypatch, tmp_path)


@pytest.mark.parametrize("name", ["history.csv", "predictions.npz"])
def test_a_file_that_training_did_not_write_is_not_measured(tmp_path, monkeypatch, name):
    folder = write_run(tmp_path / "models" / "final")
    with (folder / name).open("ab") as file:
        file.write(b"\n")  # which its reader would not mind
    with pytest.raises(InputError, match=rf"{name} has sha256 .*, its stage wrote .*verify --repair"):
        run_evaluate(monkeypatch, tmp_path)


def test_a_missing_model_is_one_message_and_exit_code_1_without_the_libraries_of_training(tmp_path):
    code = (
        "import sys; from stages.evaluate import main, run\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'matplotlib.pyplot'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        f"sys.argv = ['evaluate', {str(tmp_path / 'models')!r}, 'm.json', 'p']; run(main)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stderr == f"error: no {tmp_path / 'models' / 'run.json'}; train the variant first\n"
    assert done.returncode == 1
