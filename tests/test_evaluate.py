"""evaluate: from a training run's files to its metrics, tables and pictures."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import small_results
from commands import ROOT, call

from stages import evaluate
from stages.results import evaluated, evaluation
from stages.runtime import resolved
from stages.runtime.errors import InputError

OF_FOUR_IMAGES = {"accuracies": [0.75], "splits": small_results.RECORD["splits"]}
EVALUATED = small_results.EVALUATED | OF_FOUR_IMAGES
del EVALUATED["measured"]


def run_evaluate(folder: Path, kind: str = "stand-in") -> tuple[dict, Path]:
    """Runs the command on models/final; returns the metrics and the folder of plots."""
    resolved.write(folder / "final.json", "evaluate", {"name": "final"})
    sources = {file: source | {"note": "made here"} for file, source in small_results.SOURCES.items()}
    provenance = folder / "cifar100.json"
    provenance.write_text(json.dumps({"kind": kind, "format": "cifar100", "sources": sources}))
    return evaluate_with(folder, provenance)


def evaluate_with(folder: Path, provenance: Path) -> tuple[dict, Path]:
    metrics, plots = folder / "metrics" / "final.json", folder / "plots" / "variants" / "final"
    model = folder / "models" / "final"
    evaluate.main([*map(str, (folder / "final.json", model, provenance, metrics, plots))])
    return json.loads(metrics.read_text()), plots


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    small_results.write_run(tmp_path / "models" / "final")
    return tmp_path


def write_two_seeds(folder: Path) -> Path:
    """Writes seeds 0 and 1 of models/final, the second of which takes the bear for an apple."""
    small_results.write_run(folder / "models" / "final", seed=0)
    second = small_results.PROBABILITIES.copy()
    second[3] = [0.5, 0.25, 0.25]
    history = [row | {"val_loss": row["val_loss"] + 0.5} for row in small_results.HISTORY]
    small_results.write_run(folder / "models" / "final", seed=1, probabilities=second, history=history)
    return folder


def test_metrics_are_a_handful_of_numbers(study):
    metrics, plots = run_evaluate(study)
    assert {key: sorted(values) for key, values in metrics.items() if key != "seeds"} == {
        "test": ["accuracy", "high", "loss", "low"],
        "val": ["accuracy"],
    }
    test = metrics["test"]
    # the true classes have 1/2, 1/4, 3/4 and 1, the last clipped to 1 - 1e-7:
    # (ln 2 + 2 ln 2 + ln 4 - ln 3 + 1e-7) / 4 = (5 ln 2 - ln 3 + 1e-7) / 4
    assert test["loss"] == pytest.approx((5 * np.log(2) - np.log(3) + 1e-7) / 4, rel=1e-9)
    assert (test["accuracy"], metrics["val"]["accuracy"], metrics["seeds"]) == (0.75, 0.75, 1)
    measured = json.loads((plots / "run.json").read_text())["measured"]
    # bins of a fifteenth hold confidences 1/2 (two, one right: gap 0), 3/4 (gap 1/4) and 1 (gap 0)
    assert measured["test"]["ece"] == pytest.approx(0.25 / 4)
    assert measured["test"]["top5"] == 1.0
    assert measured["validation"] == measured["test"]


def test_metrics_of_several_seeds_are_means_with_a_deviation_and_an_ensemble(tmp_path):
    metrics, plots = run_evaluate(write_two_seeds(tmp_path))
    test = metrics["test"]
    # accuracies 3/4 and 2/4; losses differ in the last image: 1e-7 and ln 4
    assert (test["accuracy"], metrics["seeds"]) == (0.625, 2)
    assert test["std"] == pytest.approx(0.25 / 2**0.5)
    assert test["loss"] == pytest.approx((5 * np.log(2) - np.log(3) + np.log(2)) / 4, abs=1e-6)
    # the ensemble's last image: apple 1/4, baby 1/8, bear 5/8
    assert test["ensemble"] == 0.75
    record = json.loads((plots / "run.json").read_text())
    assert (record["seeds"], record["accuracies"]) == ([0, 1], [0.75, 0.5])


def test_curves_of_several_seeds_have_a_band_of_one_standard_deviation(tmp_path):
    _, plots = run_evaluate(write_two_seeds(tmp_path))
    rows = rows_of(plots / "loss.csv")
    assert rows[0] == ["epoch", "line", "loss", "low", "high"]
    # validation losses 3.1 and 3.6 of the first epoch: deviation 0.5 / sqrt 2
    values = [float(value) for value in rows[3][2:]]
    assert rows[3][:2] == ["1", "validation"]
    assert values == pytest.approx([3.35, 3.35 - 0.35355, 3.35 + 0.35355], abs=1e-5)
    assert [float(value) for value in rows[1][2:]] == [3.0, 3.0, 3.0]


def test_which_test_images_each_seed_gets_right_is_kept(tmp_path):
    _, plots = run_evaluate(write_two_seeds(tmp_path))
    # 1011 and 1010, filled up to a byte
    assert rows_of(plots / "correct.csv") == [["seed", "correct"], ["0", "b0"], ["1", "a0"]]
    assert evaluated.read_correct(plots / "correct.csv", 4).tolist() == [
        [True, False, True, True],
        [True, False, True, False],
    ]


def test_a_history_of_penalties_has_curves_over_penalties(tmp_path):
    history = [
        {"penalty": penalty, "loss": 1.0, "accuracy": 0.5, "val_loss": loss, "val_accuracy": 0.5}
        for penalty, loss in ((0.1, 1.5), (0.001, 1.25))
    ]
    small_results.write_run(
        tmp_path / "models" / "final", history=history, epochs=0, notes={"penalty": 0.001}
    )
    _, plots = run_evaluate(tmp_path)
    assert rows_of(plots / "loss.csv")[3:] == [["0.001", "validation", "1.25"], ["0.1", "validation", "1.5"]]
    assert "chosen on validation | penalty: 0.001 |" in (plots / "README.md").read_text()


def test_the_record_says_what_was_trained_on_what_and_where_that_came_from(study):
    _, plots = run_evaluate(study)
    record = json.loads((plots / "run.json").read_text())
    assert record.pop("measured")
    assert record.pop("at_end")
    assert record == EVALUATED


def test_a_fine_tune_takes_its_provenance_from_the_variant_it_started_from(study):
    _, plots = run_evaluate(study)
    start = study / "run.json"
    start.write_text(json.dumps(small_results.EVALUATED | {"name": "frozen", "provenance": "own"}))
    _, plots = evaluate_with(study, start)
    record = json.loads((plots / "run.json").read_text())
    assert record.pop("measured")
    assert record.pop("at_end")
    assert record == EVALUATED | {"provenance": "own"}


def test_tables_hold_a_row_per_epoch_and_line_and_one_per_cell_of_the_confusion(study):
    _, plots = run_evaluate(study)
    assert (plots / "loss.csv").read_text() == (
        "epoch,line,loss\n1,training,3.0\n2,training,2.5\n1,validation,3.1\n2,validation,2.75\n"
    )
    assert (plots / "accuracy.csv").read_text() == (
        "epoch,line,accuracy\n1,training,0.1\n2,training,0.25\n1,validation,0.05\n2,validation,0.2\n"
    )
    assert rows_of(plots / "confusion.csv") == [
        ["actual", "predicted", "images"],
        *(["apple", name, images] for name, images in (("apple", "1"), ("baby", "1"), ("bear", "0"))),
        *(["baby", name, images] for name, images in (("apple", "0"), ("baby", "1"), ("bear", "0"))),
        *(["bear", name, images] for name, images in (("apple", "0"), ("baby", "0"), ("bear", "1"))),
    ]
    assert [row[:3] for row in rows_of(plots / "per_class_accuracy.csv")] == [
        ["class", "accuracy", "n"],
        ["apple", "0.5", "2"],
        ["baby", "1.0", "1"],
        ["bear", "1.0", "1"],
    ]
    # one bin of confidence holds 1/2 twice, others 3/4 and 1
    assert rows_of(plots / "calibration.csv") == [
        ["confidence", "accuracy", "images"],
        *(["0.5", "0.5", "2"], ["0.75", "1.0", "1"], ["1.0", "1.0", "1"]),
    ]
    assert rows_of(plots / "architecture.csv")[1] == ["conv", "Conv2D", "3", "4", "2", "3", "2", "56"]
    assert sorted(path.name for path in plots.glob("*.[pj]*")) == [
        "confusion_matrix.png",
        "learning_curves.png",
        "per_class_accuracy.png",
        "run.json",
    ]


def test_of_many_classes_only_the_diagonal_keeps_cells_without_images():
    confusion = np.zeros((41, 41), np.int64)
    confusion[0, 2] = 3
    table = evaluation._confusion_table(confusion, tuple(f"class_{label:02}" for label in range(41)))
    assert len(table) == 42
    assert table[table["actual"] != table["predicted"]].to_numpy().tolist() == [["class_00", "class_02", 3]]


def test_a_second_run_writes_the_same_bytes_and_removes_what_is_no_longer_made(study):
    _, plots = run_evaluate(study)
    first = {path.name: path.read_bytes() for path in plots.iterdir()}
    (plots / "old.csv").write_text("left by an older version")
    run_evaluate(study)
    assert {path.name: path.read_bytes() for path in plots.iterdir()} == first
    assert sorted(path.name for path in plots.parent.iterdir()) == ["final"], "no partial folder stays behind"


def test_every_picture_of_data_that_are_not_official_says_so(study):
    pictures = {}
    for kind in ("official", "stand-in"):
        _, plots = run_evaluate(study, kind)
        pictures[kind] = [path.read_bytes() for path in sorted(plots.glob("*.png"))]
    for drawn in zip(*pictures.values(), strict=True):
        assert len(set(drawn)) == len(pictures)


def test_one_line_sums_the_run_up(study, capsys):
    run_evaluate(study)
    # Wilson for 3 in 4: z^2 = 3.84146, centre (0.75 + 0.480182) / 1.960365 = 0.627527,
    # half 1.95996 / 1.960365 * sqrt(0.046875 + 0.0600228) = 0.326885
    assert capsys.readouterr().out == (
        "final: test loss 0.5918, accuracy 0.7500 (95 % interval 0.3006 to 0.9544, n = 4)\n"
    )


def test_a_file_that_training_did_not_write_is_not_measured_and_earlier_results_stay(study):
    _, plots = run_evaluate(study)
    before = (plots / "loss.csv").read_bytes()
    with (study / "models" / "final" / "seed-3" / "history.csv").open("a") as file:
        file.write("3,2,0.3,2.5,0.3,0.01\n")
    with pytest.raises(InputError, match=r"history\.csv has sha256"):
        run_evaluate(study)
    assert (plots / "loss.csv").read_bytes() == before


def test_a_missing_model_is_one_message_and_exit_code_1_without_keras(tmp_path):
    resolved.write(tmp_path / "final.json", "evaluate", {"name": "final"})
    code = (
        "import sys; from stages.evaluate import main, run\n"
        "heavy = {'pandas', 'matplotlib', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        f"sys.argv = ['evaluate', {str(tmp_path / 'final.json')!r}, 'nowhere', 'p.json', 'm.json', 'p']\n"
        "try: run(main)\n"
        "finally: assert 'keras' not in sys.modules"
    )
    done = call(ROOT, sys.executable, "-W", "error", "-c", code)
    assert done.stderr.startswith("error: ")
    assert "nowhere holds no trained seed" in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.returncode == 1
