"""What a person sees of a run."""

import io
import pty

import pytest
from rich.console import Console

from dvc_parallel import display as module
from dvc_parallel.display import Display, duration
from dvc_parallel.jobs import Job
from dvc_parallel.machine import Need
from dvc_parallel.tests.pseudo_terminal import read_all


@pytest.fixture
def job(tmp_path):
    (tmp_path / "log").write_text("".join(f"line {n}\n" for n in range(20)))
    return Job("train@final", [], tmp_path / "log", Need(1, 0), epoch="3/60", loss="1.25", past_s=100)


def test_a_log_has_each_line_with_its_stage_and_no_table(job, capsys):
    with Display() as display:
        display.detail("train@final: starts")
        display.output(job, ["[bold] 1/2", "two"])
        display.refresh([job], 1, 3)
        display.failure(job)
    assert capsys.readouterr().out == ("train@final: starts\ntrain@final | [bold] 1/2\ntrain@final | two\n")


def test_a_terminal_has_a_table_of_what_runs_and_the_end_of_a_failure(job):
    ours, theirs = pty.openpty()
    with open(theirs, "w") as terminal, Display(terminal) as display:
        display.detail("train@final: starts")
        display.output(job, ["two"])
        display.refresh([job], 1, 3)
        display.failure(job)
    shown = read_all(ours)
    assert "1 of 3 stages done, 1 running" in shown
    for cell in ("train@final", "3/60", "1.25", "1 min 40 s"):
        assert cell in shown
    assert "starts" not in shown
    assert "two" not in shown
    assert "train@final | line 19" in shown
    assert "line 9\r" not in shown


@pytest.mark.parametrize("width", [100, 30, 12])
def test_where_a_terminal_is_narrow_the_name_stays(job, width):
    console = Console(width=width, file=io.StringIO())
    console.print(module._table([job], 1, 3))
    assert "train@final" in console.file.getvalue()


def test_what_controls_a_terminal_is_not_shown():
    assert (
        module.shown("\x1b]0;title\x07\x1b[1;31mred\x1b[0m \x1b[2K\t\x9b\u200b|\x1b]8;;x")
        == "red     \\x9b\\u200b|"
    )


def test_durations_are_read_at_a_glance():
    assert [duration(s) for s in (0.04, 9.96, 59.6, 61, 7320)] == [
        "0.0 s",
        "10.0 s",
        "60 s",
        "1 min 1 s",
        "2 h 2 min",
    ]
