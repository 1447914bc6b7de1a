"""What a stage's log says of its progress."""

import pytest

from dvc_parallel import jobs
from dvc_parallel.jobs import Job
from dvc_parallel.machine import Need


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = [1000.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def job(tmp_path, clock):
    (tmp_path / "log").touch()
    return Job("train@final", [], tmp_path / "log", Need(1, 0))


def say(job, text):
    with job.log.open("a") as file:
        file.write(text)


def test_lines_are_given_once_and_whole(job):
    say(job, "one\ntwo\rthr")
    assert job.new_lines() == ["one", "two"]
    say(job, "ee\n\nfour")
    assert job.new_lines() == ["three"]
    assert job.new_lines(to_the_end=True) == ["four"]
    assert job.new_lines(to_the_end=True) == []


def test_bytes_that_are_no_text_do_no_harm(job):
    job.log.write_bytes(b"\xff\xfe half\n")
    assert job.new_lines() == ["\ufffd\ufffd half"]


def test_epoch_loss_and_time_left_follow_the_lines(job, clock):
    assert (job.epoch, job.loss, job.left_s) == ("", "", None)
    for epoch, now in ((3, 1100.0), (4, 1110.0), (5, 1120.0)):
        clock[0] = now
        say(job, f"final: epoch {epoch}/60, loss 1.{epoch}, accuracy 0.5000, val_loss 9.9\n")
        job.new_lines()
    clock[0] = 1124.0
    assert (job.epoch, job.loss, job.left_s) == ("5/60", "1.5", 55 * 10 - 4)


def test_the_time_left_counts_the_epochs_of_all_seeds_that_run_side_by_side(job, clock):
    job.parts = 3
    for seed, epoch, now in ((0, 1, 1010.0), (1, 1, 1012.0), (0, 2, 1020.0), (1, 2, 1022.0)):
        clock[0] = now
        say(job, f"final, seed {seed}: epoch {epoch}/10, loss 1.5, accuracy 0.5000\n")
        job.new_lines()
    assert job.epoch == "2/10 of seed 1"
    assert job.left_s == (8 + 8 + 10) * 12 / 3


@pytest.mark.parametrize(
    ("line", "epoch", "loss"),
    [("Epoch 2/10", "2/10", ""), ("epoch 2/10 - val_loss: 3 - loss: 0.25 - acc: 1", "2/10", "0.25")],
)
def test_lines_of_other_libraries_are_read_too(job, line, epoch, loss):
    say(job, f"{line}\n")
    job.new_lines()
    assert (job.epoch, job.loss) == (epoch, loss)


def test_before_two_epochs_are_done_the_last_time_counts(job, clock):
    job.past_s = 90.0
    say(job, "final: epoch 1/60, loss 2.5, accuracy 0.1\n")
    job.new_lines()
    clock[0] += 30
    assert job.left_s == 60
    clock[0] += 300
    assert job.left_s == 0


def test_silence_is_counted_from_the_last_output(job, clock):
    clock[0] += 50
    say(job, "half a li")
    job.new_lines()
    clock[0] += 7
    job.new_lines()
    assert (job.silent_s, job.seconds) == (7, 57)
