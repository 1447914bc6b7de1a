"""The folder of a trained variant: what is read is what was written, in equal bytes for equal results."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from stages.results import run_folder
from stages.runtime.errors import InputError

ROOT = Path(__file__).parents[1]
ROW = {"loss": 3.0, "accuracy": 0.1, "val_loss": 3.1, "val_accuracy": 0.05, "learning_rate": 0.01}
HISTORY = [{"epoch": 1, **ROW}, {"epoch": 2, **ROW, "loss": 1 / 3}]
PROBABILITIES = np.array([[0.25, 0.75], [1, 0]], np.float32)


def write(folder: Path, **changes: object) -> Path:
    split = (PROBABILITIES, np.array([1, 0]))
    content = {
        "save_model": lambda path: path.write_bytes(b"a model"),
        "card": "# final\n",
        "history": HISTORY,
        "predictions": {"validation": split, "test": split},
        "class_names": ["apple", "Äpfel, rot"],
        "record": {"name": "final", "epochs": 2},
    }
    run_folder.write(folder, **content | changes)
    return folder


def test_what_is_read_is_what_was_written(tmp_path):
    run = run_folder.read(write(tmp_path / "final"))
    assert run.record == {"name": "final", "epochs": 2}
    assert run.history.to_dict("records") == HISTORY
    assert run.class_names == ("apple", "Äpfel, rot")
    assert run.test.probabilities.dtype == np.float64
    assert run.test.probabilities.tolist() == PROBABILITIES.tolist()
    assert run.validation.labels.tolist() == [1, 0]


def test_the_record_alone_names_the_hash_of_every_other_file(tmp_path):
    record = run_folder.read_record(write(tmp_path / "final"))
    assert sorted(record["sha256"]) == ["README.md", "history.csv", "model.keras", "predictions.npz"]


def test_equal_results_are_equal_bytes_at_another_time(tmp_path, monkeypatch):
    first = write(tmp_path / "first")
    later = time.time() + 1e6
    monkeypatch.setattr(time, "time", lambda: later)
    second = write(tmp_path / "second")
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", ["history.csv", "predictions.npz", "model.keras"])
def test_a_file_with_other_bytes_is_refused(tmp_path, name):
    folder = write(tmp_path / "final")
    with (folder / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(InputError, match=f"{name} has sha256"):
        run_folder.read(folder)


def test_a_model_that_cannot_be_saved_leaves_the_earlier_folder(tmp_path):
    def fail(path: Path) -> None:
        raise OSError("disk full")

    folder = write(tmp_path / "final")
    before = (folder / "run.json").read_bytes()
    with pytest.raises(OSError, match="disk full"):
        write(folder, save_model=fail)
    assert (folder / "run.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_importing_the_format_loads_no_heavy_library():
    code = (
        "import sys, stages.results.run_folder; print({'keras', 'pandas', 'matplotlib'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "set()\n"
