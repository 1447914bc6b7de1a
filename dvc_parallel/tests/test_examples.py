"""Two kinds of projects as one finds them, run by `dvc repro` and by this to equal bytes, by --check."""

import json
import shutil

import pytest

from dvc_parallel.tests import pipelines
from dvc_parallel.tests.pipelines import RUN, call

pytestmark = pytest.mark.usefixtures("terminal_signals")
EXAMPLES = pipelines.ROOT / "dvc_parallel" / "examples"
TARGETS = {"template": [], "data": ["report/dvc.yaml"]}


def succeed(folder, *command):
    code, printed = call(folder, *command)
    assert code == 0, printed
    return printed


@pytest.fixture(params=TARGETS)
def example(request, tmp_path):
    """A project of this kind, in git, and its targets."""
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLES / request.param, folder)
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"], ["git", "add", "--all"]):
        succeed(folder, *command)
    return folder, TARGETS[request.param]


def test_a_new_project_and_one_that_was_edited_are_equal(example):
    folder, targets = example
    succeed(folder, "dvc", "config", "core.autostage", "true")
    assert "\nequal: " in succeed(folder, *RUN, "--check", *targets)
    assert not (folder / "dvc.lock").exists()
    succeed(folder, *RUN, *targets)
    edited = folder / ("report/report.yaml" if targets else "params.yaml")
    edited.write_text(edited.read_text().replace("10", "5").replace("degree: 2", "degree: 3"))
    assert "\nequal: " in succeed(folder, *RUN, "--check", *targets)
    assert "took" in succeed(folder, *RUN, "--dry", *targets)


def test_what_differs_is_named(tmp_path):
    pipelines.write(
        tmp_path / "project", pipelines.stage("a"), pipelines.stage("time", "date +%N > time.txt; #")
    )
    code, printed = call(tmp_path / "project", *RUN, "--check", "a")
    assert (code, printed.splitlines()[-1][:6]) == (0, "equal:")
    code, printed = call(tmp_path / "project", *RUN, "--check")
    assert code == 1
    assert "dvc.lock: differs\n" in printed
    assert "time.txt: differs\n" in printed
    assert "a.txt" not in printed


def test_a_project_that_repro_cannot_run_is_said(tmp_path):
    pipelines.write(tmp_path / "project", pipelines.stage("a", "echo no disk; false"))
    code, printed = call(tmp_path / "project", *RUN, "--check")
    assert code == 1
    assert "error: dvc repro fails in a copy of the project:\n" in printed
    assert "no disk" in printed


def test_metrics_of_the_template_are_there(tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(EXAMPLES / "template", folder)
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"], [*RUN, "--jobs", "2"]):
        succeed(folder, *command)
    assert set(json.loads((folder / "eval/metrics.json").read_text())) == {"slow", "fast"}
