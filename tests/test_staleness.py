"""Whether a trained variant is what the study says now, by dvc.lock."""

import hashlib
import json
from pathlib import Path

import pytest

from stages.workspace import staleness

TEXTS = {Path("train/net.json"): "of net", Path("prepare/photos.json"): "of photos"}
DATA = "0123"


def dep(path, text=None, **others):
    md5 = hashlib.md5(text.encode()).hexdigest() if text else DATA
    return {"path": path, "hash": "md5", "md5": md5} | others


@pytest.fixture
def project(tmp_path):
    """A dvc.lock of a network trained on a folder of three files."""
    (tmp_path / "photos/cats").mkdir(parents=True)
    for number in range(3):
        (tmp_path / f"photos/cats/{number}.png").write_text("12345")
    (tmp_path / "photos/.DS_Store").write_text("ignored")
    (tmp_path / ".dvcignore").write_text(".DS_Store\n")
    stages = {
        "train@net": {
            "deps": [dep("data/photos"), dep("data/resolved/train/net.json", "of net")],
            "outs": [dep("models/net")],
        },
        "prepare@photos": {
            "deps": [
                dep("data/resolved/prepare/photos.json", "of photos"),
                dep("photos", size=15, nfiles=3),
            ],
            "outs": [dep("data/photos")],
        },
    }
    write(tmp_path, stages)
    return tmp_path, stages


def write(folder, stages):
    (folder / "dvc.lock").write_text(json.dumps({"stages": stages}) + "\n")


def reasons(folder, variant="net", **changes):
    texts = TEXTS | {Path(path.replace("_", "/") + ".json"): text for path, text in changes.items()}
    return staleness.reasons(variant, texts.get, folder)


def test_a_variant_that_is_up_to_date_an_unknown_one_and_a_study_without_runs_have_no_reasons(project):
    folder, _ = project
    assert reasons(folder) == []
    assert reasons(folder, "other") == []
    (folder / "dvc.lock").unlink()
    assert reasons(folder) == []


def test_knobs_of_the_variant_and_of_what_it_learns_from_count(project):
    folder, _ = project
    assert reasons(folder, train_net="another") == ["knobs or code of train@net changed"]
    assert reasons(folder, prepare_photos="another") == ["knobs or code of prepare@photos changed"]
    assert reasons(folder, train_net=None) == ["train@net is no longer in params.yaml"]


def test_data_that_were_made_anew_after_the_training_count(project):
    folder, stages = project
    stages["prepare@photos"]["outs"][0]["md5"] = "4567"
    write(folder, stages)
    assert reasons(folder) == ["data/photos was made again"]


@pytest.mark.parametrize("change", ["add", "remove", "replace"])
def test_a_changed_folder_of_images_counts(project, change):
    folder, _ = project
    image = folder / "photos/cats/0.png"
    if change == "remove":
        image.unlink()
    else:
        (image if change == "replace" else image.with_name("9.png")).write_text("123456")
    assert reasons(folder) == ["the files of photos changed"]


def test_a_folder_of_images_that_is_gone_counts(project):
    folder, _ = project
    (folder / "photos").rename(folder / "elsewhere")
    assert reasons(folder) == ["photos no longer exists"]
