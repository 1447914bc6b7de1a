"""The command on small pipelines of real DVC: beside `dvc repro`, failures, kills, bad input."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import chdir, redirect_stderr, redirect_stdout

import psutil
import pytest

from dvc_parallel import command, signals
from dvc_parallel.display import Display
from dvc_parallel.entries import Entries
from dvc_parallel.tests import pipelines
from dvc_parallel.tests.pipelines import RUN, call, names, recorded, repro, stage, start, steps, wait_for

pytestmark = [
    pytest.mark.usefixtures("terminal_signals"),
    # 2026-11: DVC 3.67 asks pygtrie for the value of a missing step
    pytest.mark.filterwarnings("ignore:_NoneStep.value will soon raise:DeprecationWarning"),
]
ALONE = "mkdir running && sleep 0.2 && rmdir running"  # fails beside another such stage


def together(name, other):
    """Returns a command that ends only where both run at once."""
    return f"touch {name}.runs && until [ -e {other}.runs ]; do sleep 0.02; done"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pytest"])
    for name, value in pipelines.environment().items():
        monkeypatch.setenv(name, value)
    handlers = {number: signal.getsignal(number) for number in signals.SIGNALS}
    yield tmp_path / "project"
    for number, handler in handlers.items():  # which errors.run and DVC replace
        signal.signal(number, handler)


def run(folder, *arguments, code=0):
    """Runs the command in this process, which has DVC imported."""
    with chdir(folder), redirect_stdout(io.StringIO()) as out, redirect_stderr(out):
        try:
            command.main(list(arguments))
            returned = 0
        except SystemExit as end:
            returned = int(isinstance(end.code, str)) or end.code
            print(end.code if isinstance(end.code, str) else "", end="\n"[: isinstance(end.code, str)])
    assert returned == code, out.getvalue()
    return out.getvalue()


def test_it_leaves_what_a_sequential_repro_leaves_and_independent_stages_run_at_once(project):
    slow = stage("slow", "sleep 0.5")
    slow["slow"]["cmd"] = ["sleep 0.5", "echo slow > slow.txt"]  # two commands, and last to end
    both = [stage("a", together("a", "b"), needs=("slow",)), stage("b", together("b", "a"), needs=("slow",))]
    in_git = {"in_git": {"cmd": "echo 1 > in_git.json", "metrics": [{"in_git.json": {"cache": False}}]}}
    pipelines.write(project, stage("end", needs=("a", "b")), *both, stage("quick"), slow, in_git)
    theirs = pipelines.copy(project, "theirs")
    printed = run(project, "--jobs", "2")
    for name in ("a.runs", "b.runs"):
        (theirs / name).touch()
    repro(theirs)
    assert names(project).index("quick") > names(project).index("slow")  # though it ended before
    assert recorded(project) == recorded(theirs)
    assert "6 stages: 6 ran" in printed
    assert "slow: done in " in printed
    assert "6 stages: 6 up to date" in run(project)
    assert (project / ".dvc/tmp/run/logs/a.log").exists()


def test_what_the_run_cache_holds_is_restored_and_a_new_stage_is_appended_as_repro_does(project):
    pipelines.write(project, stage("first"), stage("second", "echo ran >> ran", needs=("first",)))
    run(project)
    (project / "second.txt").unlink()
    (project / "dvc.lock").unlink()
    text = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(text.replace('"first": {', '"new": {"cmd": "true"}, "first": {', 1))
    printed = run(project)
    assert "second: restored" in printed
    assert (project / "ran").read_text() == "ran\n"
    (project / "dvc.yaml").write_text(text.replace('"first": {', '"newer": {"cmd": "echo"}, "first": {', 1))
    theirs = pipelines.copy(project, "theirs")
    run(project)
    repro(theirs)
    assert recorded(project) == recorded(theirs)
    assert names(project)[-1] == "newer"


def test_jobs_and_memory_limit_what_runs_at_once(project):
    large = {"meta": {"memory_gb": 10**6}}
    pipelines.write(project, stage("a", ALONE, **large), stage("b", ALONE, **large), stage("c", ALONE))
    run(project, "a", "b", "--jobs", "2")
    (project / "dvc.lock").unlink()
    for name in "abc":
        (project / f"{name}.txt").unlink(missing_ok=True)
    (project / "dvc.yaml").write_text((project / "dvc.yaml").read_text().replace("0.2", "0.3"))
    run(project, "--jobs", "1")


def test_the_longest_go_first_and_unknown_ones_count_as_the_longest_of_their_kind(project):
    pipelines.write(
        project,
        *(stage(name, f"echo {name} >> order") for name in ("short", "long", "middle")),
        {"kind": {"foreach": ["x", "y"], "do": {"cmd": "echo ${item} >> order"}}},
    )
    history = project / ".dvc/tmp/run/history.json"
    history.parent.mkdir(parents=True)
    took = {"short": 20, "long": 100, "middle": 50, "kind@y": 70}
    history.write_text(json.dumps({name: {"seconds": s, "memory": 1} for name, s in took.items()}))
    printed = run(project, "--dry")
    assert not (project / "order").exists()
    assert not (project / "dvc.lock").exists()
    assert "has never run  took 1 min 40 s\n" in printed
    run(project, "--jobs", "1")
    assert (project / "order").read_text().split() == ["long", "x", "y", "middle", "short"]
    assert json.loads(history.read_text())["long"]["seconds"] < 10


def test_dry_says_what_may_run_after_what_would(project):
    pipelines.write(project, stage("first"), stage("second", needs=("first",)), stage("other"))
    run(project)
    text = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(text.replace("true && echo first", "true  && echo first"))
    *lines, last = run(project, "--dry").splitlines()
    assert [" ".join(line.split()).partition(" took")[0] for line in lines] == [
        "first its command changed",
        "second follows first",
    ]
    assert last.startswith("2 of 3 stages: ")
    assert "dvc.yaml" not in names(project)


def test_dry_says_what_the_run_cache_has(project):
    second = {"cmd": "cp first.txt made/2.txt", "deps": ["first.txt"], "outs": ["made/2.txt"]}
    third = {"cmd": "cp made/2.txt third.txt", "deps": ["made/2.txt"], "outs": ["third.txt"]}
    of_all = {"cmd": "ls made > all.txt", "deps": ["made"], "outs": ["all.txt"]}
    pipelines.write(project, stage("first"), {"second": second, "third": third, "all": of_all})
    (project / "made").mkdir()
    run(project)
    (project / "made/2.txt").unlink()
    *lines, last = run(project, "--dry").splitlines()
    restored = "restored from the cache, nothing to compute"
    assert " ".join(lines[0].split()) == f"second output made/2.txt is missing {restored}"
    assert lines[1].startswith("all     follows second")  # `third` reads what it read
    assert last.startswith("2 of 4 stages, 1 of them from the cache: ")


FAILING = (
    stage("bad", "until [ -e begun ]; do sleep 0.02; done && echo no disk >&2 && false"),
    stage("begun", "touch begun && sleep 0.5"),
    stage("later"),
    stage("after", needs=("bad",)),
)


def test_after_a_failure_what_runs_finishes_and_nothing_new_starts(project):
    pipelines.write(project, *FAILING)
    printed = run(project, "--jobs", "2", code=1)
    assert names(project) == ["begun"]
    assert "bad | no disk\nbad failed: exit code 1; its log: .dvc/tmp/run/logs/bad.log\n" in printed
    assert printed.count("bad failed") == printed.count("exit code 1") == 1
    assert "\nfix what made bad fail, then run the same command again; what is done is recorded\n" in printed
    assert "4 stages: 1 ran, 1 failed, 2 not started" in printed
    mend(project)
    run(project)
    theirs = pipelines.copy(project, "theirs")
    for path in (theirs / "dvc.lock", theirs / ".dvc/tmp/run/order.json"):
        path.unlink(missing_ok=True)
    repro(theirs)
    assert recorded(project) == recorded(theirs)  # the order of stages, too


def test_keep_going_runs_all_that_does_not_need_the_failed_one_as_repro_does(project):
    pipelines.write(project, *FAILING)
    (project / "begun").touch()
    theirs = pipelines.copy(project, "theirs")
    printed = run(project, "--keep-going", "--jobs", "2", code=1)
    repro(theirs, "--keep-going", code=255)
    assert recorded(project) == recorded(theirs)
    assert "4 stages: 2 ran, 1 failed, 1 not started" in printed
    mend(project)
    mend(theirs)
    run(project)
    repro(theirs)
    assert recorded(project) == recorded(theirs)


def mend(folder):
    path = folder / "dvc.yaml"
    path.write_text(path.read_text().replace("&& false ", ""))


def test_a_result_that_cannot_be_recorded_fails_its_stage_alone(project):
    pipelines.write(project, stage("none"), stage("sees", needs=("none",)), steps("other", 0.5))
    text = (project / "dvc.yaml").read_text()
    (project / "dvc.yaml").write_text(text.replace("> none.txt", "> nine.txt"))
    printed = run(project, "--keep-going", code=1)
    assert "none failed: output 'none.txt' does not exist" in printed
    assert names(project) == ["other"]


def test_a_full_disk_while_a_result_is_recorded_fails_its_stage_alone(project, monkeypatch):
    def record(self, stage):
        if stage.name == "large":
            raise OSError(errno.ENOSPC, "No space left on device", ".dvc/cache")
        original(self, stage)

    pipelines.write(project, stage("source"), stage("large", "echo >> ran", ("source",)), steps("other", 0.5))
    original = Entries.record
    with monkeypatch.context() as full:
        full.setattr(Entries, "record", record)
        printed = run(project, "--jobs", "2", code=1)
    assert "large failed: No space left on device: .dvc/cache; free some disk space and rerun; " in printed
    assert names(project) == ["source", "other"]
    assert "large: restored" in run(project)
    assert names(project) == ["source", "large", "other"]
    assert (project / "ran").read_text() == "\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_every_stage_after_its_step_and_the_next_run_resumes(project, number):
    pipelines.write(project, steps("a", 4), steps("b", 4), stage("end", needs=("a", "b")))
    repro(undisturbed := pipelines.copy(project, "undisturbed"))
    process = start(project, *RUN, "--jobs", "2")
    wait_for(lambda: all((project / f"{name}.steps").exists() for name in "ab"))
    send = os.killpg if number == signal.SIGINT else os.kill  # a terminal sends it to all that run in it
    send(process.pid, number)
    printed, _ = process.communicate()
    assert process.returncode == 128 + number
    assert "stopping a, b" in printed
    assert "3 stages: 2 stopped, 1 not started" in printed
    assert "Traceback" not in printed
    n_steps = [(project / f"{name}.steps").stat().st_size for name in "ab"]
    assert "".join(printed).count("epoch") == sum(n_steps) < 60
    run(project, "--jobs", "2")
    assert recorded(project) == recorded(undisturbed)


def test_a_killed_run_takes_its_stages_along_and_the_next_one_resumes_in_the_same_order(project):
    pipelines.write(project, steps("a", 2), steps("b", 2), stage("quick"), stage("end", needs=("a", "b")))
    repro(undisturbed := pipelines.copy(project, "undisturbed"))
    process = start(project, *RUN, "--jobs", "3")
    wait_for(lambda: "quick" in names(project) and (project / "a.steps").exists())
    children = psutil.Process(process.pid).children()
    process.kill()
    process.communicate()
    psutil.wait_procs(children, timeout=10)
    assert not [child for child in children if child.is_running()]
    assert names(project) == ["quick"]
    run(project, "--jobs", "2")
    assert recorded(project) == recorded(undisturbed)


def test_a_stage_that_hangs_is_visible_and_a_second_signal_kills_it(project):
    pipelines.write(project, stage("hangs", "trap '' INT; touch hangs; sleep 100; sleep 100"))
    process = start(project, *RUN)
    wait_for(lambda: (project / "hangs").exists())
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    stages = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert time.monotonic() - began < 10
    assert psutil.wait_procs(stages, timeout=10)[1] == []


def test_beside_dvc_repro_what_one_runs_the_other_waits_for_or_is_refused(project):
    waits = "echo {0} >> ran; until [ -e go ]; do sleep 0.02; done"
    pipelines.write(project, *(stage(name, waits.format(name)) for name in ("a", "b")), stage("c"))
    repro_of_b = start(project, "dvc", "repro", "b")
    wait_for(lambda: (project / "ran").exists())
    ours = start(project, *RUN, "--jobs", "2")
    wait_for(lambda: (project / "ran").read_text() == "b\na\n")
    # not at the first try where ours holds DVC's own lock for longer than it waits, 3 s
    wait_for(lambda: call(project, "dvc", "repro", "c")[0] == 0)  # or by ours, before
    answers = []
    wait_for(lambda: answers.append(call(project, "dvc", "repro", "a")) or "(PID" in answers[-1][1])
    code, refused = answers[-1]
    assert code != 0
    assert f"(PID {ours.pid}): dvc-parallel --jobs 2" in refused
    second = start(project, *RUN)
    time.sleep(1)
    (project / "go").touch()
    repro_of_b.communicate()
    assert repro_of_b.returncode == 0
    printed, _ = ours.communicate()
    assert ours.returncode == 0
    assert "b: waits: " in printed
    printed, _ = second.communicate()
    assert second.returncode == 0, printed
    assert (project / "ran").read_text() == "b\na\n"
    assert "up to date" in call(project, "dvc", "status")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "error: there is no stage 'trian'; did you mean 'train'?\n"),
        (["data"], "error: DVC cannot read the pipeline: Stage 'data' not found inside 'dvc.yaml' file\n"),
        (["--jobs", "0"], "error: --jobs is 0, expected 1 or more: how many stages run at once\n"),
    ],
)
def test_bad_input_is_one_line(project, arguments, message):
    pipelines.write(project, stage("train"))
    assert run(project, *arguments, code=1) == message
    assert not (project / "train.txt").exists()


def test_a_folder_without_a_project_is_one_line(tmp_path):
    printed = run(tmp_path, code=1)
    assert printed.startswith(f"error: {tmp_path} is in no DVC project, expected a .dvc folder here")
    assert printed.count("\n") == 1


def test_stages_with_one_mutex_never_run_at_once(project):
    alone = [stage(name, ALONE, meta={"mutex": ["board", name]}) for name in ("a", "b")]
    pipelines.write(project, *alone, stage("c", ALONE, meta={"mutex": "board"}), stage("free"))
    assert "4 stages: 4 ran" in run(project, "--jobs", "4")


FOLDERS = {
    "dvc.yaml": {"stages": stage("top")},
    "params.yaml": {"rate": 1},
    "sub/dvc.yaml": {
        "stages": {
            "made": {"cmd": "cat ../top.txt > made.txt", "deps": ["../top.txt"], "outs": ["made.txt"]},
            "each": {
                "matrix": {"n": [1, 2], "of": ["x"]},
                "wdir": "deep",
                "cmd": "echo ${item.n} | cat - ../made.txt > ${item.n}${item.of}.txt",
                "deps": ["../made.txt"],
                "params": [{"../../params.yaml": ["rate"]}],
                "outs": ["${item.n}${item.of}.txt"],
            },
        }
    },
}


def write_folders(project):
    pipelines.write(project)
    (project / "sub/deep").mkdir(parents=True)
    for name, content in FOLDERS.items():
        (project / name).write_text(json.dumps(content))


def locks(project):
    return {
        name: (project / name).read_text()
        for name in ("dvc.lock", "sub/dvc.lock")
        if (project / name).exists()
    }


@pytest.mark.parametrize(
    ("folder", "targets"), [("", ["sub/dvc.yaml"]), ("sub", []), ("sub", ["each@1-x"]), ("", [])]
)
def test_several_files_of_stages_in_folders_are_run_as_repro_runs_them(project, folder, targets):
    write_folders(project)
    theirs = pipelines.copy(project, "theirs")
    run(project / folder, *targets)
    repro(theirs / folder, *targets)
    assert (recorded(project), locks(project)) == (recorded(theirs), locks(theirs))
    assert not (project / "sub/.dvc").exists()
    (project / "sub/made.txt").write_text("edited")
    (project / "params.yaml").write_text('{"rate": 2}')
    if (folder, targets) == ("sub", []):
        lines = [" ".join(line.split()) for line in run(project / "sub", "--dry").splitlines()]
        assert lines[0].startswith("sub/dvc.yaml:made output sub/made.txt was edited restored")
        assert any("sub/dvc.yaml:each@1-x param rate: 1 -> 2 took" in line for line in lines)


def test_whatever_a_stage_prints_ends_neither_the_run_nor_another_stage(project):
    title = r"printf '\033]0;title\007\033[31mr\303\251d\033[0m \001\377\n'"
    pipelines.write(project, stage("a", title), stage("b", "sleep 0.5"))
    log = project.with_name("log")
    for encoding in ("ascii", "utf-8"):
        with log.open("wb") as file:
            environment = pipelines.environment() | {"PYTHONIOENCODING": encoding}
            done = subprocess.run(RUN, cwd=project, env=environment, stdout=file, stderr=subprocess.STDOUT)
        assert done.returncode == 0, log.read_text()
        (project / "dvc.lock").rename(project / f"{encoding}.lock")
    assert "a | réd \\x01\ufffd\n" in log.read_text()


def test_a_reader_that_leaves_ends_no_stage(project):
    pipelines.write(
        project, stage("a", "for n in 1 2 3 4 5; do echo $n; sleep 0.1; done"), stage("b", needs=("a",))
    )
    _, printed = call(project, "/bin/sh", "-c", f"({' '.join(RUN)}; echo code $? >&2) | head -n 1")
    assert printed == "a: starts\ncode 0\n"
    assert names(project) == ["a", "b"]


def test_a_reader_that_leaves_an_explanation_ends_it_quietly(project):
    pipelines.write(project, stage("a"))
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as pipe:
        done = subprocess.run(
            [*RUN, "--dry"], cwd=project, env=pipelines.environment(), stdout=pipe, stderr=subprocess.PIPE
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_what_fails_before_its_command_starts_names_no_log(project):
    pipelines.write(project, stage("a", frozen=True))
    printed = run(project, code=1)
    assert "a failed: missing data 'source': a.txt\n" in printed
    assert "its log" not in printed


def test_an_unexpected_error_of_the_run_ends_its_stages(project, monkeypatch):
    pipelines.write(project, steps("a", 100))

    def refresh(self, jobs, done, total):
        if jobs and (project / "a.steps").exists():
            raise RuntimeError("a bug")

    monkeypatch.setattr(Display, "refresh", refresh)
    with pytest.raises(RuntimeError, match="a bug"):
        run(project)
    wait_for(lambda: not [p for p in psutil.Process().children(recursive=True) if is_stage(p)])
    assert not any(json.loads((project / ".dvc/tmp/rwlock").read_text()).values())


def is_stage(process):
    try:
        return "make.py" in process.cmdline()
    except psutil.Error:
        return False


def git(folder, *arguments):
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_with_autostage_git_has_what_repro_stages(project):
    pipelines.write(project, stage("a"), {"b": {"cmd": "echo 1 > b", "metrics": [{"b": {"cache": False}}]}})
    (project / ".dvc/config").write_text("[core]\n    autostage = true\n    analytics = false\n")
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    theirs = pipelines.copy(project, "theirs")
    run(project)
    repro(theirs)
    staged = [
        git(
            folder, "diff", "--cached", "--raw", git(folder, "hash-object", "-t", "tree", "/dev/null").strip()
        )
        for folder in (project, theirs)
    ]
    assert staged[0] == staged[1]
    assert "dvc.lock" in staged[0]
    assert (project / ".gitignore").read_text() == (theirs / ".gitignore").read_text()


def test_a_read_only_project_is_one_line(project):
    pipelines.write(project, stage("a"))
    mount = f"mount --bind {project} {project} && mount -o remount,bind,ro {project} && cd {project}"
    if subprocess.run(["unshare", "-rm", "true"]).returncode:
        pytest.skip("no rights to mount")
    code, printed = call(project, "unshare", "-rm", "/bin/sh", "-c", f"{mount} && {' '.join(RUN)}")
    assert (code, printed[:28], printed.count("\n")) == (1, "error: Read-only file system", 1)
