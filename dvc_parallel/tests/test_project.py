"""What the runner asks DVC and tells it: the plan, what a stage says of itself, what is in use."""

import json
from contextlib import chdir, closing
from pathlib import Path

import pytest

from dvc_parallel.errors import UserError
from dvc_parallel.hooks import Hooks
from dvc_parallel.internals import LockError, Repo
from dvc_parallel.project import Project
from dvc_parallel.tests import pipelines
from dvc_parallel.tests.pipelines import stage

# 2026-11: DVC 3.67 asks pygtrie for the value of a missing step
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value will soon raise:DeprecationWarning")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with the smallest pipeline in which two stages read one file."""
    monkeypatch.setattr("sys.argv", ["pytest"])
    item = stage("a", needs=("first",), meta={"memory_gb": 4.4})
    pipelines.write(tmp_path / "project", stage("end", needs=("a", "b")), item, stage("b", needs=("first",)))
    with chdir(tmp_path / "project"):
        Path("first.txt").touch()
        yield


def in_use(mode):
    noted = json.loads(Path(".dvc/tmp/rwlock").read_text()).get(mode, {})
    return {Path(path).name for path, holders in noted.items() if holders}


def test_the_plan_is_dvcs_and_stages_say_what_they_take(folder):
    project = Project()
    assert project.plan == ("a", "b", "end")
    assert project.upstream == {"a": set(), "b": set(), "end": {"a", "b"}}
    assert (project.meta("a"), project.meta("b")) == ({"memory_gb": 4.4}, {})
    assert Project(["b"]).plan == ("b",)


class Threads(Hooks):
    """Hooks that read what a stage takes from what it reads."""

    def meta(self, deps, read):
        return {"threads": 3, "text": read("first.txt")} if "first.txt" in deps else {}


def test_hooks_add_to_what_a_stage_says(folder):
    project = Project(hooks=Threads())
    assert project.meta("a") == {"memory_gb": 4.4, "threads": 3, "text": ""}
    assert project.meta("end") == {}


@pytest.mark.parametrize("value", ["4", 0, True, None])
def test_a_wrong_value_of_meta_is_one_line(folder, value):
    content = json.loads(Path("dvc.yaml").read_text())
    content["stages"]["b"]["meta"] = {"threads": value, "owner": "me"}
    Path("dvc.yaml").write_text(json.dumps(content))
    expected = f"b: meta has threads: {json.dumps(value)}, expected a number above 0; correct it in dvc.yaml"
    with pytest.raises(UserError, match=f"^{expected}$"):
        Project().meta("b")


def test_a_target_may_be_one_of_a_list_of_stages_or_all(folder):
    content = json.loads(Path("dvc.yaml").read_text())
    content["stages"]["train"] = {"foreach": ["x", "y"], "do": {"cmd": "echo ${item}"}}
    Path("dvc.yaml").write_text(json.dumps(content))
    assert set(Project(["train"]).plan) == {"train@x", "train@y"}
    assert set(Project(["a", "train@y"]).plan) == {"a", "train@y"}
    with pytest.raises(UserError, match="there is no stage 'trein@x'; did you mean 'train@x'"):
        Project(["train", "trein@x"])


def test_while_another_command_holds_dvcs_lock_it_waits_and_says_so(folder, capsys, monkeypatch):
    monkeypatch.setattr("dvc.lock.DEFAULT_TIMEOUT", 0.1)
    project, other = Project(), Repo()
    other.lock.lock()
    with project.locked(meanwhile=lambda: other.lock.unlock() if other.lock.is_locked else None):
        assert capsys.readouterr().err == "waiting for another DVC command, which holds .dvc/tmp/lock\n"


def test_what_two_stages_read_stays_in_use_until_the_last_of_them_has_ended(folder):
    with closing(Project()) as project, project.locked():
        for name in ("a", "b"):
            assert project.is_stale(name)
            (command,) = project.begin(name)
            assert command.text.endswith(f"> {name}.txt")
        Path("a.txt").write_text("a")
        project.finish("a")
        assert (in_use("read"), in_use("write")) == ({"first.txt"}, {"b.txt"})
    assert (in_use("read"), in_use("write")) == (set(), set())


def test_a_stage_that_another_process_works_on_is_left_to_it(folder):
    Path(".dvc/tmp").mkdir()
    other = {"pid": 1, "cmd": "dvc repro"}
    Path(".dvc/tmp/rwlock").write_text(json.dumps({"write": {str(Path("a.txt").absolute()): other}}))
    Path("a.txt").write_text("half")
    project = Project()
    with project.locked(), pytest.raises(LockError, match="is busy"):
        project.begin("a")
    assert Path("a.txt").read_text() == "half"


def test_a_damaged_record_of_processes_is_removed_and_that_is_said(folder, capsys):
    Path(".dvc/tmp").mkdir()
    Path(".dvc/tmp/rwlock").write_text("")
    Project()
    assert (
        capsys.readouterr().err == f"note: removed {Path('.dvc/tmp/rwlock').absolute()}, which was damaged\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "has no dvc.yaml with stages; change into the project"),
        ("stages:\n  a: {cmd: [}\n", "DVC cannot read the pipeline: unable to read: 'dvc.yaml', YAML file"),
        (
            '{"stages": {"a": {"cmd": "true", "outs": ["b/a"]}, "b": {"cmd": "true", "outs": ["b"]}}}',
            "overlap",
        ),
    ],
)
def test_a_pipeline_that_cannot_be_read_is_one_line(folder, text, message):
    Path("dvc.yaml").unlink() if text is None else Path("dvc.yaml").write_text(text)
    with pytest.raises(UserError, match=message) as raised:
        Project()
    assert "\n" not in str(raised.value)
