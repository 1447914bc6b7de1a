"""Properties over generated pipelines: whatever their form, they end as `dvc repro` leaves them."""

import json
import shutil
import signal
import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dvc_parallel import check
from dvc_parallel.tests import pipelines
from dvc_parallel.tests.pipelines import RUN, call, repro, start
from dvc_parallel.tests.test_command import project as environment  # noqa: F401
from dvc_parallel.tests.test_command import run

pytestmark = [
    pytest.mark.usefixtures("terminal_signals", "environment"),
    # 2026-11: DVC 3.67 asks pygtrie for the value of a missing step
    pytest.mark.filterwarnings("ignore:_NoneStep.value will soon raise:DeprecationWarning"),
]
FEW = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # not smaller: a pipeline takes seconds
    derandomize=True,
    database=None,
)
KINDS = {
    "out": lambda name: {"outs": [f"{name}.txt"]},
    "in git": lambda name: {"outs": [{f"{name}.txt": {"cache": False}}]},
    "persistent": lambda name: {"outs": [{f"{name}.txt": {"persist": True}}]},
    "metric": lambda name: {"metrics": [{f"{name}.txt": {"cache": False}}]},
    "plot": lambda name: {"plots": [{f"{name}.txt": {"cache": True}}]},
    "always": lambda name: {"outs": [f"{name}.txt"], "always_changed": True},
    "folder": lambda name: {"outs": [f"{name}.txt", f"{name}.d"]},
    "lines": lambda name: {"outs": [f"{name}.txt"]},
}
EDITS = ("param", "source", "gone", "lost", "command")


@st.composite
def pipeline(draw, failing=False):
    """Returns stages in any order of the file, each with what it needs of those before."""
    stages = {}
    for number in range(draw(st.integers(1, 6))):
        name, kind = f"s{number}", draw(st.sampled_from(list(KINDS)))
        needs = sorted(draw(st.sets(st.sampled_from(sorted(stages)), max_size=3))) if stages else []
        deps = [*(f"{need}.txt" for need in needs), *draw(st.sampled_from([[], ["source"]]))]
        cmd = [f"cat {' '.join(deps)} < /dev/null > {name}.txt", f"echo {name} >> {name}.txt"]
        if kind == "folder":
            cmd += [f"mkdir -p {name}.d/e", f"cp {name}.txt {name}.d/e/x"]
        if failing and draw(st.booleans()):
            cmd.append("test -e mended")
        params = draw(st.sampled_from([[], ["p"], ["q.r", "p"]]))
        stages[name] = {"cmd": cmd if kind == "lines" else " && ".join(cmd), "deps": deps} | KINDS[kind](name)
        stages[name] |= {"params": params} if params else {}
    return [{name: stages[name]} for name in draw(st.permutations(sorted(stages)))]


@pytest.fixture
def write(tmp_path):
    """Writes the project twice; returns both folders."""

    def write(stages):
        shutil.rmtree(tmp_path, ignore_errors=True)
        ours = tmp_path / "ours"
        tmp_path.mkdir()
        pipelines.write(ours, *stages)
        (ours / ".dvc/config").write_text("[core]\n    autostage = true\n    analytics = false\n")
        (ours / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
        (ours / "params.yaml").write_text("p: 1\nq: {r: [1, 2]}\n")
        (ours / "source").write_text("source\n")
        call(ours, "git", "init", "--quiet")
        return ours, pipelines.copy(ours, "theirs")

    return write


def edit(folder, what, name):
    """Edits a project in one way."""
    out = folder / f"{name}.txt"
    if what == "param":
        (folder / "params.yaml").write_text("p: 2\nq: {r: [1, 2]}\n")
    elif what == "source":
        (folder / "source").write_text("another\n")
    elif what == "gone":
        out.unlink(missing_ok=True)
    elif what == "lost":
        (folder / "dvc.lock").unlink(missing_ok=True)
    else:
        content = json.loads((folder / "dvc.yaml").read_text())
        cmd = content["stages"][name]["cmd"]
        content["stages"][name]["cmd"] = [*cmd, "true"] if isinstance(cmd, list) else f"{cmd} && true"
        (folder / "dvc.yaml").write_text(json.dumps(content))


def left(folder, *without):
    return {path: found for path, found in check.state(folder).items() if path.split(" ")[-1] not in without}


@FEW
@given(stages=pipeline(), edits=st.lists(st.sampled_from(EDITS), max_size=2), data=st.data())
def test_runs_and_runs_after_edits_leave_what_repro_leaves(write, stages, edits, data):
    ours, theirs = write(stages)
    for what in (None, *edits):
        if what:
            name = data.draw(st.sampled_from([name for stage in stages for name in stage]))
            edit(ours, what, name)
            edit(theirs, what, name)
        run(ours, "--jobs", "3")
        repro(theirs)
        assert left(ours) == left(theirs)


@FEW
@given(stages=pipeline(failing=True))
def test_what_does_not_need_a_failed_stage_is_left_as_repro_leaves_it(write, stages):
    ours, theirs = write(stages)
    fails = "test -e mended" in (ours / "dvc.yaml").read_text()
    run(ours, "--keep-going", "--jobs", "3", code=int(fails))
    repro(theirs, "--keep-going", code=255 if fails else 0)
    without = (
        (".gitignore", "dvc.lock") if fails else ()
    )  # repro takes back what it ignored, and stages nothing
    assert left(ours, *without) == left(theirs, *without)
    assert (ours / "dvc.lock").exists() == (theirs / "dvc.lock").exists()
    if (ours / "dvc.lock").exists():
        assert (ours / "dvc.lock").read_text() == (theirs / "dvc.lock").read_text()
    (ours / "mended").touch()
    (theirs / "mended").touch()
    run(ours)
    repro(theirs)
    assert left(ours, *without) == left(theirs, *without)
    assert (ours / "dvc.lock").read_text() == (theirs / "dvc.lock").read_text()


@settings(FEW, max_examples=4)
@given(stages=pipeline(), after=st.floats(0.6, 2), number=st.sampled_from([signal.SIGKILL, signal.SIGTERM]))
def test_a_run_after_a_killed_one_leaves_what_an_undisturbed_repro_leaves(write, stages, after, number):
    slow = [
        {name: stage | {"cmd": _slowed(stage["cmd"])} for name, stage in entry.items()} for entry in stages
    ]
    ours, theirs = write(slow)
    process = start(ours, *RUN, "--jobs", "3")
    time.sleep(after)
    process.send_signal(number)
    process.communicate()
    run(ours)
    repro(theirs)
    assert _unstaged(left(ours)) == _unstaged(left(theirs))


def _unstaged(state):
    """Leaves out what is staged: nothing is after a kill between recording and staging, as with repro."""
    return {path: found for path, found in state.items() if not path.startswith("staged: ")}


def _slowed(cmd):
    return ["sleep 0.1", *cmd] if isinstance(cmd, list) else f"sleep 0.1 && {cmd}"
