"""The folder of a trained variant: what is read is what was written, seed by seed."""

from pathlib import Path

import numpy as np
import pytest
from small_results import HISTORY, PROBABILITIES, RECORD, write_run

from stages.results import run_folder
from stages.runtime.errors import InputError


def write_seeds(folder: Path, *seeds: int, **changes: object) -> Path:
    for seed in seeds:
        write_run(folder, seed=seed, fingerprint=str(seed) * 64, **changes)
    return folder


def test_what_is_read_is_what_was_written(tmp_path):
    (run,) = run_folder.read(write_run(tmp_path / "final")).runs
    assert run.record == RECORD
    assert run.history.to_dict("records") == HISTORY
    assert run.class_names == ("apple", "baby", "bear")
    assert run.test.probabilities.dtype == np.float64
    assert run.test.probabilities.tolist() == PROBABILITIES.tolist()
    assert run.validation.labels.tolist() == [0, 0, 1, 2]


def test_seeds_are_read_in_the_order_of_their_numbers(tmp_path):
    trained = run_folder.read(write_seeds(tmp_path / "final", 10, 9, 8))
    assert trained.seeds == [8, 9, 10]


def test_the_common_record_holds_what_all_seeds_agree_on_and_lists_of_the_rest(tmp_path):
    folder = write_seeds(tmp_path / "final", 0)
    stopped = {"epochs": 1, "last_epoch": 1, "notes": {"best_epoch": 1, "monitor": "val_loss"}}
    write_seeds(folder, 1, **stopped, inputs=RECORD["inputs"] | {"start": "1"})
    record = run_folder.read(folder).record
    assert (record["epochs"], record["last_epoch"]) == (2, 2), "the largest"
    assert record["notes"] == {"best_epoch": [None, 1], "monitor": [None, "val_loss"]}
    assert record["inputs"] == RECORD["inputs"] | {"start": [None, "1"]}
    assert record["knobs"] == RECORD["knobs"]
    assert not {"seed", "fingerprint", "sha256"} & record.keys()


@pytest.mark.parametrize("name", ["history.csv", "predictions.npz", "model.keras"])
def test_a_file_with_other_bytes_is_refused(tmp_path, name):
    folder = write_seeds(tmp_path / "final", 0, 1)
    with (folder / "seed-1" / name).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(InputError, match=f"seed-1/{name} has sha256"):
        run_folder.read(folder)


def test_seeds_of_different_recipes_are_refused(tmp_path):
    folder = write_seeds(tmp_path / "final", 0)
    write_seeds(folder, 1, recipe="0" * 64)
    with pytest.raises(InputError, match=r"seed-1 was trained by another recipe than .*seed-0; run"):
        run_folder.read(folder)


def test_a_folder_without_seeds_is_one_message(tmp_path):
    (tmp_path / "final").mkdir()
    with pytest.raises(InputError, match=r"holds no trained seed, expected .*seed-0"):
        run_folder.read(tmp_path / "final")
