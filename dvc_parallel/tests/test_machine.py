"""What the machine offers, and what still fits beside what runs."""

import os

import pytest

from dvc_parallel import machine
from dvc_parallel.machine import Machine, Need, Running

SMI = """#!/bin/sh
[ "$1" = --query-gpu=index,uuid,memory.total ] || exit 1
echo '0, GPU-aa, 81559'
echo '1, GPU-bb, 8188'
echo '2, GPU-cc, [N/A]'
"""


def running(threads=1, memory=0.0, gpu=None, pid=None):
    return Running(Need(threads, memory, gpu is not None), pid, gpu)


@pytest.fixture
def free(monkeypatch):
    """Sets how much memory is free."""
    return lambda amount: monkeypatch.setattr(machine, "free_memory", lambda: amount)


def test_a_container_has_fewer_cores_and_less_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    whole, free = machine.cores(), machine.free_memory()
    assert free > 2e6
    files = {"cpu.max": "50000 100000", "memory.max": "3000000", "memory.current": "2500000"}
    for name, text in (files | {"memory.stat": "anon 1\ninactive_file 1500000"}).items():
        (tmp_path / name).write_text(f"{text}\n")
    assert machine.cores() == 1 <= whole
    assert machine.free_memory() == 2000000
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.cores() == whole
    assert machine.free_memory() > 2e6


def test_by_default_a_stage_needs_a_core_that_no_thread_has(free):
    free(1e12)
    four = Machine(cores=4)
    assert four.has_room(Need(1, 0), [running()] * 3)
    assert not four.has_room(Need(1, 0), [running()] * 4)
    assert not four.has_room(Need(2, 0), [running(threads=2)] * 2)
    assert four.has_room(Need(4, 0), [running()])  # or it would wait for ever beside small ones


def test_jobs_alone_count_where_they_are_given(free):
    free(1e12)
    assert Machine(cores=1, jobs=3).has_room(Need(1, 0), [running()] * 2)
    assert not Machine(cores=64, jobs=3).has_room(Need(1, 0), [running()] * 3)


def test_memory_counts_what_others_will_still_take_and_one_may_always_run(free):
    free(5e9)
    large = Machine(cores=64)
    assert large.has_room(Need(1, 4e9), [running(memory=1e9)])
    assert not large.has_room(Need(1, 4e9), [running(memory=2e9)])
    assert large.has_room(Need(1, 4e9), [running(memory=1.01e9, pid=os.getpid())])  # has some of it already
    assert large.has_room(Need(1, 4e12), [])


def test_a_stage_gets_the_gpu_with_the_most_room():
    large = Machine(cores=64, gpus={"a": 2, "b": 3})
    assert large.free_gpu([]) == "b"
    assert large.free_gpu([running(gpu="b"), running(gpu="b")]) == "a"
    assert large.free_gpu([running(gpu="a")] * 2 + [running(gpu="b")] * 3) is None


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """A machine with three GPUs, of 80 and of 8 GB, and one that shares the memory of the CPU."""
    (tmp_path / "nvidia-smi").write_text(SMI)
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, {"GPU-aa": 10, "GPU-bb": 1, "GPU-cc": 1}),
        ("1", {"1": 1}),
        ("GPU-aa, 1", {"GPU-aa": 10, "1": 1}),
        ("0,-1,1", {"0": 10}),  # CUDA stops at the first that is none
        ("", {}),
        ("-1", {}),
    ],
)
def test_gpus_are_counted_by_their_memory_and_a_users_choice_is_kept(
    nvidia_smi, monkeypatch, visible, expected
):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert machine.gpus() == expected


def test_a_machine_without_gpus_has_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.gpus() == {}
