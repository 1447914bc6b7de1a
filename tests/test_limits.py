"""The cores that a process may use."""

from stages.runtime import limits


def test_a_task_on_a_cluster_has_the_cores_that_it_was_given(monkeypatch):
    monkeypatch.setenv("STUDY_CORES", "1")
    assert limits.cores() == 1
    monkeypatch.setenv("STUDY_CORES", "4096")
    whole = limits.cores()
    monkeypatch.delenv("STUDY_CORES")
    assert limits.cores() == whole < 4096
