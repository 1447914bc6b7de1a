"""`python -m stages.new`: a clean project for a folder of images, and all that is wrong with the folder."""

import subprocess
import sys

import pytest
from small_archives import write_folder

from stages import new
from stages.projects import backbone_files
from stages.runtime.errors import InputError
from stages.runtime.modules import ROOT
from stages.study import items


@pytest.fixture
def pets(tmp_path):
    return write_folder(tmp_path / "pets", {"cats": 12, "dogs": 30})


def git(folder, *arguments):
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True).stdout


def loaded(folder):
    return items.load(folder / "params.yaml")


def test_a_study_is_a_clean_project_with_this_code_and_without_this_study(pets, tmp_path, capsys):
    folder = tmp_path / "my study"
    new.main([str(folder), str(pets)])
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "log", "--format=%s") == "Start the study\n"
    tracked = git(folder, "ls-files").splitlines()
    assert {"stages/train.py", "dvc.yaml", ".dvc/config", "requirements.lock", "README.md"} <= set(tracked)
    assert not [name for name in tracked if name.startswith(("metrics", "plots", "dvc.lock", "photos"))]
    assert (folder / "stages/train.py").read_bytes() == (ROOT / "stages/train.py").read_bytes()
    assert 'name = "my-study"' in (folder / "pyproject.toml").read_text()
    study = loaded(folder)
    assert study["report"] == {}
    assert list(study["variants"]) == ["small_net", "flipped"]
    shipped = items.load(ROOT / "params.yaml")
    foreign = {name for group in items.TRAINERS for name in shipped[group]} | shipped["datasets"].keys()
    words = set((folder / "dvc.yaml").read_text().replace(",", " ").replace("/", " ").split())
    assert not words & foreign
    out = capsys.readouterr().out
    assert f"{folder}: 42 images of 2 classes (27 train, 7 validation, 8 test)\n" in out
    assert f"next: cd '{folder}' && " in out
    assert backbone_files.HINT in out


def test_a_study_may_start_from_the_copy_in_another(pets, tmp_path):
    new.main([str(tmp_path / "first"), str(pets)])
    command = [sys.executable, "-m", "stages.new", "../second", str(pets)]
    subprocess.run(command, cwd=tmp_path / "first", check=True, capture_output=True)
    for name in ("dvc.yaml", "params.yaml", "stages/new.py", ".gitignore"):
        first, second = (tmp_path / folder / name for folder in ("first", "second"))
        assert second.read_text() == first.read_text()


def test_the_images_stay_where_they_are_behind_a_link_that_git_does_not_keep(pets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    new.main(["study", "pets"])
    assert (tmp_path / "study/photos").readlink() == pets
    assert loaded(tmp_path / "study")["datasets"]["photos"]["from"] == "photos"


def test_unbalanced_classes_are_told_and_weighted(tmp_path, capsys):
    new.main([str(tmp_path / "even"), str(write_folder(tmp_path / "a", {"cats": 6, "dogs": 17}))])
    assert "note" not in capsys.readouterr().out
    assert loaded(tmp_path / "even")["defaults"]["class_weights"] == "none"
    new.main([str(tmp_path / "uneven"), str(write_folder(tmp_path / "b", {"cats": 6, "dogs": 18}))])
    assert (
        "unbalanced, 18 images of 'dogs' and 6 images of 'cats'; class_weights: bal"
        in capsys.readouterr().out
    )
    assert loaded(tmp_path / "uneven")["defaults"]["class_weights"] == "balanced"


def test_all_that_is_wrong_with_the_images_is_told_at_once_and_nothing_is_made(pets, tmp_path):
    (pets / "cats/0.png").write_bytes(b"no image")
    (pets / "birds").mkdir()
    with pytest.raises(InputError) as caught:
        new.main([str(tmp_path / "study"), str(pets)])
    assert "1 of 42 images cannot be read" in str(caught.value)
    assert "'birds' has 0" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]


def test_damaged_images_are_skipped_on_demand_in_the_study_too(pets, tmp_path, capsys):
    (pets / "cats/0.png").write_bytes(b"no image")
    new.main([str(tmp_path / "study"), str(pets), "--skip-damaged"])
    assert loaded(tmp_path / "study")["datasets"]["photos"]["skip_damaged"] is True
    assert "41 images of 2 classes" in capsys.readouterr().out


def test_a_backbone_brings_a_convex_head_on_its_features(pets, tmp_path, capsys):
    (tmp_path / "mine.keras").write_bytes(b"")
    new.main([str(tmp_path / "study"), str(pets), "--backbone", str(tmp_path / "mine.keras")])
    study = loaded(tmp_path / "study")
    assert study["backbones"] == {"backbone": {"format": "keras_file", "from": "mine.keras"}}
    assert study["heads"]["linear_head"]["trainer"] == "convex"
    assert (tmp_path / "study/mine.keras").readlink() == tmp_path / "mine.keras"
    assert git(tmp_path / "study", "status", "--porcelain") == ""
    assert backbone_files.HINT not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("folder", "images", "message"),
    [
        ("pets", "pets", "pets exists; name a new folder"),
        ("pets/study", "pets", "pets/study would lie among the images; name a folder outside"),
        ("study", "dogs", "dogs is your own input, but does not exist"),
        ("study", "pets/cats/0.png", "0.png is not a folder; it must hold a folder of images per class"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_made(pets, tmp_path, monkeypatch, folder, images, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        new.main([folder, images])
    assert message in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]
