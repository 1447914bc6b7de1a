"""What a run will take."""

import json

import pytest

from dvc_parallel import forecast
from dvc_parallel.forecast import History
from dvc_parallel.hooks import Hooks
from dvc_parallel.machine import Machine


class Steps:
    """A plan in which a long stage runs beside two short ones."""

    plan = ("a", "b", "long", "end")
    upstream = {"a": set(), "b": {"a"}, "long": set(), "end": {"b", "long"}}  # noqa: RUF012
    hooks = Hooks()

    def meta(self, name):
        return {}


@pytest.fixture
def history(tmp_path):
    took = {"a": 10, "b": 20, "long": 25, "end": 5}
    path = tmp_path / "history.json"
    path.write_text(json.dumps({name: {"seconds": s, "memory": 1} for name, s in took.items()}))
    return History(path)


@pytest.mark.parametrize(("jobs", "seconds"), [(1, 60), (2, 35), (9, 35), (None, 60)])
def test_the_time_is_that_of_stages_side_by_side(history, jobs, seconds):
    costs = {name: history.known(name) for name in Steps.plan}
    assert forecast.seconds(costs, Steps(), Machine(1, jobs=jobs)) == seconds
