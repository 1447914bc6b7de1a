"""`python -m stages.run --dry` on a small study of real DVC: reasons, costs, DVC's cache, bad input."""

import hashlib
import io
import json
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout

import pytest
from commands import succeed

from dvc_parallel.tests import pipelines
from stages import run as verb
from stages.projects.founding import copy
from tests.edited_study import ROOT, SHIPPED

pytestmark = [
    pytest.mark.usefixtures("terminal_signals"),
    # 2026-11: DVC 3.67 asks pygtrie for the value of a missing step
    pytest.mark.filterwarnings("ignore:_NoneStep.value will soon raise:DeprecationWarning"),
]
FINAL = {"data": "cifar100", "extends": "basenet", "epochs": 60}
STUDY = {name: SHIPPED[name] for name in ("sources", "datasets", "backbones", "features", "defaults")}
STUDY |= {"variants": {"basenet": {"data": "cifar100"}, "final": FINAL}, "heads": {}, "fine_tunes": {}}
PIPELINE = """
stages:
  resolve:
    cmd: python -m stages.resolve params.yaml report.yaml data/resolved
    deps: [params.yaml, report.yaml, stages]
    outs: [data/resolved]
  train:
    foreach: ${variants}
    do:
      cmd:
      - echo train ${key} >> ran
      - mkdir models/${key}
      - cp data/resolved/train/${key}.json models/${key}/model
      deps: ["data/resolved/train/${key}.json", images]
      outs: ["models/${key}"]
  evaluate:
    foreach: ${variants}
    do:
      cmd: echo evaluate ${key} >> ran && cat models/${key}/model > metrics/${key}.json
      deps: ["models/${key}/model"]
      metrics: ["metrics/${key}.json": {cache: false}]
"""
HISTORY = {"resolve": 1, "train@basenet": 100, "train@final": 200, "evaluate@final": 4}


def write_params(folder, **variants):
    study = STUDY | {"variants": STUDY["variants"] | variants}
    (folder / "params.yaml").write_text(json.dumps(study))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project in which all has run, with its code."""
    folder = tmp_path_factory.mktemp("dry") / "finished"
    for name in ("models", "metrics", ".dvc/tmp/run"):
        (folder / name).mkdir(parents=True)
    copy(ROOT / "stages", folder / "stages")
    copy(ROOT / ".dvcignore", folder / ".dvcignore")
    (folder / ".dvc/config").write_text("[core]\n    no_scm = True\n    analytics = false\n")
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "images").write_text("images")
    (folder / "report.yaml").write_text("{}")
    write_params(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in pipelines.environment().items():
            patch.setenv(name, value)
        pipelines.repro(folder)
    past = {name: {"seconds": seconds, "memory": 1} for name, seconds in HISTORY.items()}
    (folder / ".dvc/tmp/run/history.json").write_text(json.dumps(past))
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pytest"])
    for name, value in pipelines.environment().items():
        monkeypatch.setenv(name, value)
    subprocess.run(["cp", "-a", str(finished), str(tmp_path / "project")], check=True)
    (tmp_path / "project" / "ran").unlink()
    return tmp_path / "project"


def dry(folder, *arguments, code=0):
    """Runs the command in this process; returns its lines, without repeated spaces."""
    with chdir(folder), redirect_stdout(io.StringIO()) as out, redirect_stderr(out):
        try:
            verb.main(["--dry", *arguments])
            returned = 0
        except SystemExit as end:
            print(end.code)
            returned = 1
    assert returned == code, out.getvalue()
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def everything(folder):
    """Returns hash and time of each file but those in which DVC and the runner note what runs."""
    return {
        str(path.relative_to(folder)): (hashlib.md5(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and ".dvc/tmp" not in str(path) and ".git" not in path.parts
    }


def ran(folder):
    return (folder / "ran").read_text().splitlines() if (folder / "ran").exists() else []


def test_where_all_is_up_to_date_it_says_so(project):
    assert dry(project) == ["all 5 stages are up to date"]


def test_an_edited_knob_is_named_with_both_values_and_no_file_changes(project):
    write_params(project, final=FINAL | {"epochs": 8, "flip": True})
    before = everything(project)
    assert dry(project) == [
        "resolve input params.yaml changed took 1.0 s",
        "train@final knob epochs: 60 -> 8; knob flip: false -> true took 3 min 20 s",
        "evaluate@final follows train@final took 4.0 s",
        "3 of 5 stages: 3 min 25 s side by side, 3 min 25 s one by one",
    ]
    assert everything(project) == before
    pipelines.repro(project)
    assert ran(project) == ["train final", "evaluate final"]


def test_what_the_caches_have_is_restored_and_so_is_what_follows(project):
    write_params(project, final=FINAL | {"epochs": 8})
    pipelines.repro(project)
    (project / "ran").unlink()
    write_params(project)
    assert dry(project) == [
        "resolve input params.yaml changed restored from the cache, nothing to compute",
        "train@final knob epochs: 8 -> 60 restored from the cache, nothing to compute",
        "evaluate@final input models/final/model changed restored from the cache, nothing to compute",
        "3 of 5 stages, 3 of them from the cache: nothing to compute",
    ]
    pipelines.repro(project)
    assert ran(project) == []


def test_outputs_and_inputs_that_changed_are_named(project):
    subprocess.run(["rm", "-r", "models/final"], cwd=project, check=True)
    (project / "metrics/basenet.json").write_text("edited")
    assert dry(project) == [
        "train@final output models/final is missing restored from the cache, nothing to compute",
        "evaluate@basenet output metrics/basenet.json was edited restored from the cache, nothing to compute",
        "2 of 5 stages, 2 of them from the cache: nothing to compute",
    ]
    (project / "images").write_text("others")
    lines = dry(project, "--jobs", "2")
    assert "train@basenet input images changed took 1 min 40 s" in lines
    assert (
        "evaluate@basenet output metrics/basenet.json was edited; follows train@basenet no past time" in lines
    )
    assert lines[-1] == (
        "4 of 5 stages: at least 3 min 24 s with 2 at once, 5 min 4 s one by one; 1 without a past time"
    )
    (project / "images").unlink()
    assert "train@basenet input images is missing took 1 min 40 s" in dry(project, "train@basenet")


def test_a_new_variant_has_never_run_and_targets_bring_what_they_need(project):
    write_params(project, new=FINAL, final=FINAL | {"epochs": 8})
    assert dry(project, "evaluate@new") == [
        "resolve input params.yaml changed took 1.0 s",
        "train@new has never run no past time",
        "evaluate@new has never run; follows train@new no past time",
        "3 of 3 stages: at least 1.0 s side by side, 1.0 s one by one; 2 without a past time",
    ]


def test_a_former_item_that_the_cache_has_lost_is_called_so(project):
    write_params(project, final=FINAL | {"epochs": 8})
    subprocess.run(["rm", "-r", ".dvc/cache/files", "models/basenet"], cwd=project, check=True)
    lines = dry(project)
    item = "data/resolved/train/final.json changed (its former content is not in the cache)"
    assert f"train@final {item}; output models/final is not in the cache took 3 min 20 s" in lines
    assert "train@basenet output models/basenet is missing took 1 min 40 s" in lines


LIGHT = """
import sys
from stages.run import main
main(["--dry", *sys.argv[1:]])
assert not {"keras", "tensorflow", "jax", "torch", "matplotlib", "pandas"} & sys.modules.keys()
"""


def dry_with_its_own_code(folder):
    path = f"{folder}{os.pathsep}{ROOT}"
    printed = succeed(folder, sys.executable, "-c", LIGHT, "train", PYTHONPATH=path)
    return [" ".join(line.split()) for line in printed.splitlines()]


def test_the_files_whose_code_changed_are_named(project):
    for name in ("networks/base_net.py", "training/plan.py"):
        path = project / "stages" / name
        path.write_text(path.read_text().replace('"""', '"""Another docstring. ', 1))
    path = project / "stages/networks/base_net.py"
    path.write_text(f"{path.read_text()}\nADDED = 1\n")
    changed = "code changed: stages/networks/base_net.py took 3 min 20 s"
    assert f"train@final {changed}" in dry_with_its_own_code(project)
    write_params(project, final=FINAL | {"network": "deeper_net"})
    (line,) = [line for line in dry_with_its_own_code(project) if line.startswith("train@final")]
    assert "knob network: base_net -> deeper_net" in line
    assert "code changed" not in line  # of what both networks run


def test_the_cost_counts_the_seeds_that_are_left_to_train(project):
    past = json.loads((project / ".dvc/tmp/run/history.json").read_text())
    past["train@final"] |= {"seconds": 300, "parts": 3}
    (project / ".dvc/tmp/run/history.json").write_text(json.dumps(past))
    write_params(project, final=FINAL | {"seeds": 3, "epochs": 8})
    assert any(line.endswith("seeds: 1 -> 3 took 5 min 0 s for 3 seeds") for line in dry(project))
    write_params(project, final=FINAL | {"seeds": 3})
    pipelines.repro(project)
    write_params(project, final=FINAL | {"seeds": 5})
    expected = "train@final knob seeds: 3 -> 5 took 5 min 0 s for 3 seeds, now 2: 3 min 20 s"
    assert expected in dry(project)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian@final"], "error: there is no stage 'trian@final'; did you mean 'train@final'?"),
        (["--jobs", "0"], "error: --jobs is 0, expected 1 or more: how many stages run at once"),
    ],
)
def test_bad_input_is_one_line(project, arguments, message):
    assert dry(project, *arguments, code=1) == [message]


def test_a_mistake_in_params_is_named_with_its_line(project):
    write_params(project, final=FINAL | {"epoch": 8})
    (line,) = dry(project, code=1)
    assert line.startswith("error: params.yaml, line 1: variants.final.epoch is unknown")
