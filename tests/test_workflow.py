"""What GitHub runs for a change: the workflow is only read here, its script runs on real git and DVC."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from commands import ROOT, call, succeed
from ruamel.yaml import YAML

FILE = ROOT / ".github" / "workflows" / "check.yml"
WORKFLOW = YAML(typ="safe").load(FILE.read_text(encoding="utf-8"))
JOBS = WORKFLOW["jobs"]
STEPS = [(name, step) for name, job in JOBS.items() for step in job["steps"]]
SCRIPT = ".github/report_changes.sh"
URL = "https://example.org/study/blob/0a1b"
NONE = "## Metrics\n\nNone changed.\n\n## Pictures\n\nNone changed.\n"


def write(project: Path, **accuracies: float) -> None:
    for name, accuracy in accuracies.items():
        (project / "metrics" / f"{name}.json").write_text(json.dumps({"test": {"accuracy": accuracy}}))


def commit(project: Path) -> None:
    succeed(project, "git", "add", "--all")
    succeed(project, "git", "commit", "-q", "-m", "Change")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A study on branch `change`, which is at the commit of `main`."""
    for folder in ("metrics", "plots/variants/final", "plots/comparisons", ".dvc", ".github"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / SCRIPT, tmp_path / SCRIPT)
    (tmp_path / ".dvc" / "config").touch()
    (tmp_path / "dvc.yaml").write_text("metrics:\n  - metrics\n")
    write(tmp_path, final=0.5, flip=0.4)
    for name in ("comparisons/zoom.png", "comparisons/depth.png", "variants/final/learning_curves.png"):
        (tmp_path / "plots" / name).write_bytes(b"\x89PNG")
    succeed(tmp_path, "git", "init", "-q", "-b", "main")
    commit(tmp_path)
    succeed(tmp_path, "git", "checkout", "-q", "-b", "change")
    return tmp_path


def test_changed_metrics_and_pictures_are_reported(project: Path) -> None:
    write(project, final=0.75, zoom_20=0.25)
    plots = project / "plots"
    (plots / "comparisons" / "zoom.png").write_bytes(b"\x89PNG2")
    (plots / "comparisons" / "zoom.svg").touch()
    (plots / "comparisons" / "depth.png").unlink()
    (plots / "variants" / "final" / "é b.png").write_bytes(b"\x89PNG3")
    (project / "picture_of_docs.png").write_bytes(b"\x89PNG4")
    commit(project)
    metrics, pictures = succeed(project, SCRIPT, "main").split("\n## Pictures\n\n")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in metrics.splitlines()]
    base = succeed(project, "git", "rev-parse", "--short", "main").strip()
    assert rows[2] == ["Path", "Metric", base, "HEAD", "Change"]
    assert rows[4:] == [
        ["metrics/final.json", "test.accuracy", "0.5", "0.75", "0.25"],
        ["metrics/zoom_20.json", "test.accuracy", "-", "0.25", "-"],
    ]
    assert pictures.splitlines() == [
        "- removed: plots/comparisons/depth.png",
        "- changed: plots/comparisons/zoom.png",
        "- new: plots/variants/final/é b.png",
    ]


def test_with_an_address_pictures_are_shown(project: Path) -> None:
    (project / "plots" / "comparisons" / "zoom.png").write_bytes(b"\x89PNG2")
    commit(project)
    path = "plots/comparisons/zoom.png"
    assert succeed(project, SCRIPT, "main", URL).splitlines()[-2:] == [
        f"- changed: [{path}]({URL}/{path})",
        f'  <details><summary>show</summary><img alt="{path}" src="{URL}/{path}?raw=true"></details>',
    ]


def test_what_others_changed_meanwhile_is_left_out(project: Path) -> None:
    (project / "notes.txt").touch()
    commit(project)
    succeed(project, "git", "checkout", "-q", "main")
    write(project, flip=0.9)
    (project / "plots" / "comparisons" / "zoom.png").unlink()
    commit(project)
    succeed(project, "git", "checkout", "-q", "change")
    assert succeed(project, SCRIPT, "main") == NONE
    # as on GitHub: the change merged into its base
    succeed(project, "git", "checkout", "-q", "main")
    succeed(project, "git", "merge", "-q", "--no-edit", "change")
    assert succeed(project, SCRIPT, "HEAD^1") == NONE


def test_an_unknown_base_ends_the_script_and_what_dvc_could_not_read_is_reported(project: Path) -> None:
    done = call(project, SCRIPT, "nowhere")
    assert done.returncode != 0
    assert "nowhere" in done.stderr
    (project / "dvc.yaml").write_text("metrics: {")
    commit(project)
    report = succeed(project, SCRIPT, "main")
    assert "\n> DVC failed to load some metrics for following revisions: 'HEAD'.\n\n## Pictures" in report


def test_the_study_itself_can_be_reported() -> None:
    """Its script is executable and reads its dvc.yaml."""
    assert os.access(ROOT / SCRIPT, os.X_OK)
    assert succeed(ROOT, SCRIPT, "HEAD") == NONE


def test_only_official_actions_are_used_each_of_a_major_version() -> None:
    used = {step["uses"] for _, step in STEPS if "uses" in step}
    assert used
    assert [name for name in used if not re.fullmatch(r"actions/[a-z-]+@v\d+", name)] == []


def test_a_job_that_runs_code_of_a_pull_request_may_write_nothing() -> None:
    assert WORKFLOW["on"] == {"push": {"branches": ["main"]}, "pull_request": None}, "no secrets for forks"
    assert WORKFLOW["permissions"] == {}
    assert {name: job["permissions"] for name, job in JOBS.items()} == {
        "check": {"contents": "read"},
        "package": {"contents": "read"},
        "changes": {"contents": "read"},
        "comment": {"pull-requests": "write"},
    }
    assert not [step for name, step in STEPS if name == "comment" and "uses" in step], "no code is fetched"
    assert JOBS["comment"]["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    for name, step in STEPS:
        assert "${{" not in step.get("run", ""), "what others write reaches a shell through variables alone"
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False, name
    assert "secrets." not in FILE.read_text(encoding="utf-8")
