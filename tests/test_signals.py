"""How commands are interrupted, with real signals to real processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("terminal_signals")
ROOT = Path(__file__).parent.parent
START = "import sys, time\nfrom stages.runtime import errors, signals\n"
# Works in ten steps of 0.1 s; prints which were done and that it cleaned up.
STEPS = f"""{START}
def main():
    try:
        for step in range(10):
            with signals.deferred():
                print("step", step, flush=True)
                time.sleep(0.1)
                print("done", step, flush=True)
    finally:
        print("clean", flush=True)
errors.run(main)
"""
SLEEPS = f"""{START}
def main():
    try:
        print("asleep", flush=True)
        time.sleep(60)
    finally:
        print("clean", flush=True)
errors.run(main)
"""


def start(source, **changes):
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | changes
    return subprocess.Popen(
        [sys.executable, "-c", source],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_process_by_way_of_its_finally_blocks(number):
    process = start(SLEEPS)
    assert process.stdout.readline() == "asleep\n"
    process.send_signal(number)
    assert process.communicate() == ("clean\n", "")
    assert process.returncode == 128 + number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_within_a_step_ends_the_process_after_it(number):
    process = start(STEPS)
    assert process.stdout.readline() == "step 0\n"
    process.send_signal(number)
    assert process.communicate() == ("done 0\nclean\n", "")
    assert process.returncode == 128 + number


def test_a_second_signal_ends_the_process_at_once():
    process = start(STEPS.replace("time.sleep(0.1)", "time.sleep(60)"))
    assert process.stdout.readline() == "step 0\n"
    process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10) == ("clean\n", "")
    assert process.returncode == 130


def test_a_signal_that_the_process_was_started_to_ignore_stays_ignored():
    process = start("import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + STEPS)
    assert process.stdout.readline() == "step 0\n"
    process.send_signal(signal.SIGHUP)  # as nohup has it
    out, _ = process.communicate()
    assert (out.count("done"), process.returncode) == (10, 0)


# A parent as `dvc repro` is one: it starts the stage and is killed while that runs.
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], env=os.environ)
print(child.pid, flush=True)
time.sleep(60)
"""


def after_its_parents_death(source, line, **environment):
    """Kills the parent once the child has printed a line; returns what the child printed from then on."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, source],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        while parent.stdout.readline() != line:
            pass
        parent.kill()
        return parent.stdout.read().splitlines()  # to its end, which is the child's


def test_a_stage_whose_dvc_repro_was_killed_ends_after_its_step():
    source = STEPS.replace("range(10)", "range(600)")
    *steps, last = after_its_parents_death(source, "step 0\n", DVC_STAGE="train@final")
    assert last == "clean"
    assert steps[-1].startswith("done ")
    assert len(steps) < 60


def test_a_stage_whose_dvc_repro_dies_while_tensorflow_is_imported_ends_too():
    source = f"import stages, time; print('importing', flush=True); time.sleep(1)\n{SLEEPS}"
    began = time.monotonic()
    after_its_parents_death(source, "importing\n", DVC_STAGE="train@final")
    assert time.monotonic() - began < 30  # it would have slept for 60 s


def test_a_stage_started_by_hand_outlives_its_shell():
    printed = after_its_parents_death(STEPS, "step 0\n")
    assert [line for line in printed if line.startswith("done")] == [f"done {step}" for step in range(10)]


# Catches the exception of a signal, as C code may.
CAUGHT = f"""{START}
def main():
    try:
        try:
            print("asleep", flush=True)
            time.sleep(60)
        except SystemExit:
            {{}}
    finally:
        print("clean", flush=True)
errors.run(main)
"""


@pytest.mark.parametrize("error", ["SystemError('bad argument')", "errors.InputError('no Keras model')"])
def test_a_signal_whose_exception_c_code_turns_into_another_still_ends_the_process_with_its_exit_code(error):
    process = start(CAUGHT.format(f"raise {error}"))
    assert process.stdout.readline() == "asleep\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate() == ("clean\n", "")
    assert process.returncode == 128 + signal.SIGTERM


def test_a_signal_whose_exception_is_lost_ends_the_process_before_its_next_step():
    process = start(CAUGHT.format("pass\n        with signals.deferred(): print('step')"))
    assert process.stdout.readline() == "asleep\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate() == ("clean\n", "")
    assert process.returncode == 128 + signal.SIGTERM
