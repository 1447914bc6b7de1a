"""What the demo makes before it runs; test_study.py runs it whole."""

import subprocess
import sys

import pytest

from stages import demo, parameters, variants
from stages.errors import InputError


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A demo project without its archives."""
    monkeypatch.setattr(demo, "generate", lambda mirror: mirror.mkdir())
    demo.create(tmp_path / "demo")
    return tmp_path / "demo"


def test_the_demo_trains_the_same_variants_for_fewer_epochs(project):
    ours, theirs = (parameters.load(folder / "params.yaml") for folder in (demo.ROOT, project))
    resolved, short = variants.resolve(ours), variants.resolve(theirs)
    assert list(short) == list(resolved)
    for name, knobs in short.items():
        assert knobs["epochs"] < resolved[name]["epochs"]
        assert knobs | {"epochs": None} == resolved[name] | {"epochs": None}


def test_the_demo_has_the_same_code_and_pipeline(project):
    for name in ("dvc.yaml", "stages/train.py", "stages/networks/deeper_net.py", ".dvc/plots/lines.json"):
        assert (project / name).read_bytes() == (demo.ROOT / name).read_bytes()


def test_the_demo_starts_as_a_committed_project_without_the_archives(project):
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=project, capture_output=True, text=True).stdout

    assert git("status", "--porcelain") == ""
    assert git("log", "--format=%s") == "Start the demo\n"
    tracked = git("ls-files").splitlines()
    assert {"dvc.yaml", "params.yaml", "stages/train.py"} <= set(tracked)
    assert not [name for name in tracked if name.startswith("mirror/") or "__pycache__" in name]


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "thesis.txt").write_text("years of work")
    monkeypatch.setattr(sys, "argv", ["demo", str(tmp_path)])
    with pytest.raises(InputError, match="exists and is no demo project; name another folder, or remove it"):
        demo.main()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_demo_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch):
    def fail(mirror):
        raise OSError("disk full")

    monkeypatch.setattr(demo, "generate", fail)
    with pytest.raises(OSError, match="disk full"):
        demo.create(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []
