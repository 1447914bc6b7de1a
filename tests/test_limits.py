"""The cores and the memory that a process may use."""

from stages.runtime import limits


def test_a_container_has_fewer_cores_and_less_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "CGROUP", tmp_path)
    whole, free = limits.cores(), limits.free_memory()
    assert free > 2e6
    files = {"cpu.max": "50000 100000", "memory.max": "3000000", "memory.current": "2500000"}
    for name, text in (files | {"memory.stat": "anon 1\ninactive_file 1500000\n"}).items():
        (tmp_path / name).write_text(f"{text}\n")
    assert limits.cores() == 1 <= whole
    assert limits.free_memory() == 2000000
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert limits.cores() == whole
    assert limits.free_memory() > 2e6


def test_a_task_on_a_cluster_has_the_cores_that_it_was_given(monkeypatch):
    monkeypatch.setenv("STUDY_CORES", "1")
    assert limits.cores() == 1
    monkeypatch.setenv("STUDY_CORES", "4096")
    whole = limits.cores()
    monkeypatch.delenv("STUDY_CORES")
    assert limits.cores() == whole < 4096
