"""What the demo makes before it runs; test_study.py runs a smaller study whole."""

import re
import subprocess

import pytest

from stages.demo import __main__ as demo
from stages.demo import small_backbone
from stages.runtime.errors import InputError
from stages.runtime.modules import ROOT
from stages.study import items

TRAININGS = set(items.TRAINERS.values())


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A demo project without its archives."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "generate", lambda mirror: mirror.mkdir())
        demo.create(folder)
    return folder


def test_the_demo_changes_mirror_classes_sizes_layers_seeds_and_epochs_alone_and_keeps_comments(project):
    ours, theirs = ((folder / "params.yaml").read_text() for folder in (ROOT, project))
    ours, theirs = ([" ".join(text.split()) for text in entries(lines)] for lines in (ours, theirs))
    changed = [(old, new) for old, new in zip(ours, theirs, strict=True) if old != new]
    assert ("mirror: ''", "mirror: mirror") in changed
    for old, new in changed:
        assert re.sub(VARYING, "*", old) == re.sub(VARYING, "*", new)


def test_the_small_backbone_has_the_layers_that_features_name(project):
    features = items.load(project / "params.yaml")["features"].values()
    wanted = {layer for entry in features for layer in entry.get("layers", ())}
    assert wanted
    assert wanted <= {layer.name for layer in small_backbone.build().layers}


def test_every_training_is_short(project):
    study = items.load(project / "params.yaml")
    variants = [knobs for section in demo.EPOCHS_DIVIDED_BY for knobs in study[section].values()]
    assert all(1 <= knobs.get("epochs", 1) <= 6 for knobs in variants)
    assert study["variants"]["final"]["epochs"] == 2
    trainings = [item.knobs.get("seeds", 1) for item in items.items(study) if item.stage in TRAININGS]
    assert max(trainings) == 2  # so that there are bands
    assert sum(trainings) <= len(variants) + 7


VARYING = r"^mirror: .*|(?<=epochs: )\d+|(?<=image_size: )\d+|(?<=seeds: )\d+|conv\d_\w+|0-24|0-9"


def entries(text):
    """Returns the lines of a YAML file, those of one bracket joined."""
    found = []
    for line in text.splitlines():
        if found and not found[-1].lstrip().startswith("#") and is_open(found[-1]):
            found[-1] += line.strip() if found[-1].endswith("{") else f" {line.strip()}"
        else:
            found.append(line)
    return found


def is_open(line):
    return sum(map(line.count, "{[")) > sum(map(line.count, "}]"))


def test_the_demo_has_the_same_code_and_pipeline(project):
    for name in ("dvc.yaml", "stages/train.py", "stages/networks/deeper_net.py", ".dvc/plots/lines.json"):
        assert (project / name).read_bytes() == (ROOT / name).read_bytes()


def test_the_demo_starts_as_a_committed_project_without_the_archives(project):
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=project, capture_output=True, text=True).stdout

    assert git("status", "--porcelain") == ""
    assert git("log", "--format=%s") == "Start the demo\n"
    tracked = git("ls-files").splitlines()
    assert {"dvc.yaml", "params.yaml", "stages/train.py"} <= set(tracked)
    assert not [name for name in tracked if name.startswith("mirror/") or "__pycache__" in name]


def test_a_folder_that_is_not_a_demo_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="exists and is not a demo project; name another folder, or remove"):
        demo.main([str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_demo_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch):
    def fail(mirror):
        raise OSError("disk full")

    monkeypatch.setattr(demo, "generate", fail)
    with pytest.raises(OSError, match="disk full"):
        demo.create(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []
