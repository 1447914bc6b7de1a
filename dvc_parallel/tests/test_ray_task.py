"""What a node does, in a folder of this machine and without Ray: data and signals travel, nothing stays."""

import re
from contextlib import chdir

import pytest

from dvc_parallel import ray_task
from dvc_parallel.errors import UserError
from dvc_parallel.ray_task import Errand
from dvc_parallel.shared import SharedProject
from dvc_parallel.tests import clusters, pipelines
from dvc_parallel.tests.clusters import computing
from dvc_parallel.tests.pipelines import recorded, repro, stage
from dvc_parallel.tests.test_command import project as environment  # noqa: F401
from dvc_parallel.tests.test_command import run

pytestmark = [
    pytest.mark.usefixtures("environment"),
    # 2026-11: DVC 3.67 asks pygtrie for the value of a missing step
    pytest.mark.filterwarnings("ignore:_NoneStep.value will soon raise:DeprecationWarning"),
]


class Home:
    """A project at home, one stage of which a node is to run."""

    def __init__(self, folder, name):
        self.project, self._name, self.printed = SharedProject([name]), name, b""
        with self.project.locked():
            assert self.project.begin(name)
            self.project.send_inputs(name)
        self._errand = Errand(
            name=name,
            key=self.project.key(name),
            locks=self.project.locks(),
            remote=self.project.remote(),
            folder="",
            resumes_from=".checkpoints",
            checkpoints="",
            environment={},
        )

    def send(self, signal_after=None):
        """Runs the stage on a node; sends SIGTERM once it has printed this."""

        def report(text):
            self.printed += text
            return 15 if signal_after and signal_after in self.printed else 0

        return ray_task.carry_out(self._errand, self.project.code()[0], report)

    def close(self):
        self.project.close()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_PARALLEL_FOLDER", str(tmp_path / "node"))
    return tmp_path / "home"


def test_inputs_and_result_travel_through_the_remote_and_home_records_what_repro_records(folder):
    reads = computing("reads", 1)
    reads["reads"]["cmd"] += " text.txt"
    reads["reads"]["deps"].append("text.txt")
    clusters.write(folder, stage("text"), reads)
    theirs = pipelines.copy(folder, "theirs")
    run(folder, "text")
    with chdir(folder):
        home = Home(folder, "reads")
        done = home.send()
        assert done["code"] == 0, home.printed
        with home.project.locked():
            home.project.fetch_result("reads", done["locks"])
            home.project.finish("reads")
        home.close()
    repro(theirs, "reads")
    assert recorded(folder) == recorded(theirs)
    assert (folder / "reads.out").read_text() == "readstext\n"
    assert b"reads: has all steps" in home.printed
    assert not any((folder.parent / "node" / "work").iterdir())
    assert not any((folder.parent / "node" / "checkpoints").iterdir())


def test_a_stage_that_gets_a_signal_ends_at_its_step_and_resumes(folder):
    clusters.write(folder, computing("a", 100))
    with chdir(folder):
        home = Home(folder, "a")
        assert home.send(signal_after=b"begins at step 0")["code"] != 0
        assert home.send()["code"] == 0
        home.close()
    starts = [int(number) for number in re.findall(rb"begins at step (\d+)", home.printed)]
    assert starts[0] == 0 < starts[1] < 100


def test_a_result_of_other_inputs_is_refused(folder):
    clusters.write(folder, computing("a", 1))
    with chdir(folder):
        home = Home(folder, "a")
        locks = home.send()["locks"]
        locks["dvc.lock"] = re.sub(r"size: \d+", "size: 1", locks["dvc.lock"], count=1)
        with pytest.raises(UserError, match="its inputs on the node are not those here"):
            home.project.fetch_result("a", locks)
        home.close()
