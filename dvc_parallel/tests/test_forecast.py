"""What a run will take, and how that is shown."""

import io
import json

import pytest
from rich.console import Console

from dvc_parallel import explanation, forecast
from dvc_parallel.forecast import History
from dvc_parallel.hooks import Hooks
from dvc_parallel.machine import Machine
from dvc_parallel.prospect import Affected


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


@pytest.mark.parametrize(("jobs", "seconds"), [(1, 60), (2, 35), (9, 35)])
def test_the_time_is_that_of_stages_side_by_side(history, jobs, seconds):
    costs = {name: history.known(name) for name in Steps.plan}
    assert forecast.seconds(costs, Steps(), history, Machine(1, jobs=jobs)) == seconds


def test_a_terminal_gets_a_table_that_fits_its_width(history):
    found = [Affected("long", [f"knob {knob}: 1 -> 2" for knob in ("epochs", "a_long_name")], True, False)]
    shown = Console(file=io.StringIO(), force_terminal=True, width=40, color_system=None)
    explanation.show(found, Steps(), history, Machine(1), shown)
    assert [line.rstrip() for line in shown.file.getvalue().splitlines()[:3]] == [
        "stage  why                     cost",
        "long   knob epochs: 1 -> 2     took 25 s",
        "       knob a_long_name: 1 ->",
    ]
