"""dvc.lock as the runner writes it: DVC's bytes, in DVC's order, whoever ends first or writes, too."""

import errno
import os
import re
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
from dvc.repo import Repo

from dvc_parallel.entries import Entries
from dvc_parallel.tests import pipelines
from dvc_parallel.tests.pipelines import stage

# What DVC's printer has to quote, break or lay out in several lines.
ODD = (
    stage("odd", "echo 'a: b # c' \"d\" >> said; printf '%s' {} []; true " + "and " * 30 + "more"),
    {"lines": {"cmd": "echo 1\necho 2 > lines.txt\n", "outs": ["lines.txt"], "params": [{"p.yaml": ["a"]}]}},
    {"list": {"cmd": ["true", "echo 3 > list.txt"], "outs": ["list.txt"]}},
)
PLAIN = (stage("first"), stage("second", needs=("first",)), stage("third"))

# 2026-11: DVC 3.67 asks pygtrie for the value of a missing step
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value will soon raise:DeprecationWarning")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "project"
    pipelines.write(folder, *ODD, *PLAIN)
    (folder / "p.yaml").write_text("a: {b: 1e-5, c: 'x: y', d: [1, 2], e: null, f: on}\n")
    pipelines.repro(folder)
    return folder


@pytest.fixture
def project(finished, tmp_path):
    """A project whose stages have run, in the current folder; dvc.lock is the file that DVC wrote."""
    with chdir(shutil.copytree(finished, tmp_path / "project")):
        yield


NOTE = Path(".dvc/tmp/run/order.json")


def lock_of(plan):
    return Entries(Path("dvc.lock"), plan)


def loaded():
    """Returns the stages with what dvc.lock says of them."""
    return {found.addressing: found for found in Repo().index.stages}


def lock():
    return Path("dvc.lock").read_text()


def order():
    return pipelines.names(Path())


def keep(*names):
    """Leaves only these entries in dvc.lock, in this order, as DVC would print them."""
    stages = loaded()
    Path("dvc.lock").unlink()
    for name in names:
        stages[name].dump(update_pipeline=False)


def test_entries_are_printed_as_dvc_prints_them_and_put_in_the_order_of_the_plan(project):
    stages, expected = loaded(), lock()
    keep()
    written = lock_of(tuple(stages))
    for name in reversed(stages):
        written.record(stages[name])
    assert lock() == expected


def test_entries_that_are_there_keep_their_places(project):
    stages = loaded()
    keep("third", "odd")
    written = lock_of(("first", "second", "third"))
    for name in ("second", "third", "first"):
        written.record(stages[name])
    assert order() == ["third", "odd", "first", "second"]


def test_runs_that_are_cut_short_end_in_the_order_of_one(project):
    stages, plan = loaded(), ("first", "second", "third", "odd")
    keep("list")
    for name in ("third", "second", "first"):
        lock_of(plan).record(stages[name])
    assert order() == ["list", "first", "second", "third"]
    written = lock_of(plan)
    NOTE.unlink()
    written.record(stages["odd"])
    assert order() == ["list", "first", "second", "third", "odd"]


@pytest.mark.parametrize("change", ["complete", "checkout", "removal"])
def test_a_run_after_a_complete_one_or_with_another_dvc_lock_appends(project, change):
    stages, plan = loaded(), ("first", "second", "third", "odd")
    keep("list")
    lock_of(plan).record(stages["third"])
    if change == "complete":
        NOTE.unlink()
        expected = ["list", "third", "first"]
    elif change == "checkout":
        keep("second", "third")
        expected = ["second", "third", "first"]
    else:
        keep("third")
        expected = ["third", "first"]
    lock_of(plan).record(stages["first"])
    assert order() == expected


def test_a_damaged_note_of_the_order_counts_as_none(project):
    stages = loaded()
    keep("third")
    NOTE.parent.mkdir(parents=True)
    NOTE.write_text('{"names": [')
    lock_of(("first", "third")).record(stages["first"])
    assert order() == ["third", "first"]


def test_a_full_disk_leaves_dvc_lock_as_it_was(project, monkeypatch):
    def fail(descriptor):
        if Path(os.readlink(f"/proc/self/fd/{descriptor}")).name in ("dvc.lock", ".dvc.lock.partial"):
            raise OSError(errno.ENOSPC, "No space left on device")

    stages, before = loaded(), lock()
    stages["second"].cmd = "echo changed"
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        lock_of(tuple(stages)).record(stages["second"])
    assert lock() == before


def test_a_stage_learns_what_another_process_recorded_of_it(project):
    stages = loaded()
    written = lock_of(tuple(stages))
    (out,) = stages["first"].outs
    Path("dvc.lock").write_text(lock().replace(out.hash_info.value, "f" * 32).replace("echo 3", "echo 4"))
    written.read()
    written.record(stages["second"])
    written.update(stages["first"])
    written.update(stages["list"])
    assert out.hash_info.value == "f" * 32
    assert stages["list"].cmd_changed
    assert "f" * 32 in lock()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("stages:\n", "# merged by hand\nstages:\n"),
        ("stages:\n", "stages:\n\n  # the first\n"),
        ("schema: '2.0'", 'schema: "2.0"'),
        ("schema: '2.0'\n", "schema: '2.0'\ndatasets: []\n"),
        (r"\Z", "datasets: []\n"),
        (r"\Z", "datasets:\n- name: d\n  url: x\n"),
        (r"\Z", "# the end\n"),
        (r"\Z", "other: 1\nmore: {a: 2}\n"),
        ("(?s)stages:.*", "datasets: []\n"),
        ("(?s)stages:.*", "stages: {}\n"),
        ("(?s).*", ""),
    ],
)
def test_a_file_that_somebody_edited_becomes_what_dvc_makes_of_it(project, old, new):
    stages = loaded()
    edited = re.sub(old, new, lock(), count=1)
    Path("dvc.lock").write_text(edited)
    for name in ("second", "third"):
        stages[name].cmd = "echo changed"
        stages[name].dump(update_pipeline=False)
    expected = lock()
    Path("dvc.lock").write_text(edited)
    written = lock_of(tuple(stages))
    for name in ("second", "third"):
        written.record(stages[name])
    assert lock() == expected
