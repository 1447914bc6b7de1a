"""The page's last lines: the report, the code and its version, the licence."""

import re
import subprocess

import pytest
from small_study import STUDY, build_page
from test_report import OWN, text


def foot(folder, study=STUDY):
    """Returns the foot of the page."""
    page = build_page(folder, study).read_text(encoding="utf-8")
    return re.search(r"<footer>.*</footer>", page)[0]


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with one commit, where the page is made."""
    author = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", *author, "commit", "-q", "--allow-empty", "-m", "First"], check=True)
    return tmp_path


def test_it_says_report_commit_date_and_licence(repository):
    commit = subprocess.run(
        ["git", "log", "-1", "--format=%h"], capture_output=True, text=True
    ).stdout.strip()
    shown = text(foot(repository))
    assert "The report: a small one." in shown
    assert f"convnet-study, commit {commit} of 2026-01-02." in shown
    assert "MIT licence" in shown


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/some/study.git",
        "https://name:secret@github.com/some/study",
        "git@github.com:some/study.git",
        "ssh://git@github.com/some/study.git",
    ],
)
def test_it_leads_to_the_repository_without_what_may_be_secret(repository, address):
    subprocess.run(["git", "remote", "add", "origin", address], check=True)
    assert '<a href="https://github.com/some/study">some/study</a>' in foot(repository)


@pytest.mark.parametrize("address", ["/home/me/study", "../study", "file:///home/me/study"])
def test_a_place_on_ones_own_disk_is_not_published(repository, address):
    subprocess.run(["git", "remote", "add", "origin", address], check=True)
    assert "<a " not in foot(repository)
    assert address not in foot(repository)


def test_without_git_or_report_it_says_the_licence_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert text(foot(tmp_path, OWN)).strip().startswith("The code is under the MIT licence")
    monkeypatch.setenv("PATH", "")
    assert "commit" not in text(foot(tmp_path, OWN))
