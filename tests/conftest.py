"""What several tests share: marks of slow ones and of tools, Keras set up once, a dataset of forty images."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

from benchmarks import studies
from dvc_parallel.tests.conftest import no_process_stays, terminal_signals  # noqa: F401

# Files that take seconds or minutes, the longest first: `pytest -m "not slow"` leaves them out.
SLOW = [
    *("study", "repeatability", "documents", "kills", "ray_cluster", "generated", "measured", "views"),
    *("verify", "command"),
    *("runs", "killed_repro", "application", "demo", "train", "backends", "environment", "evaluate"),
    *("run", "sgd", "figures", "page_in_browser", "ray_task", "compare", "comparisons", "resolve"),
    *("epoch", "steps", "cache_features", "workflow", "outputs", "predict", "guards", "fused_batch_norm"),
    *("saving", "entries", "examples", "cores", "costs"),
]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TOOLS = {
    "browser": lambda: any(map(shutil.which, BROWSERS)),
    "axe": lambda: Path(__file__).with_name("browser").joinpath("node_modules", "axe-core").exists(),
    "torch": lambda: importlib.util.find_spec("torch"),
}


def pytest_collection_modifyitems(items):
    """Marks slow files, and starts the longest first, so that no process is left with them at the end."""
    places = {f"test_{name}.py": place for place, name in enumerate(SLOW)}
    for item in items:
        if item.path.name in places:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


def pytest_runtest_setup(item):
    """Skips a test whose tool is missing; in CI, where we claim to test with it, that is a failure."""
    for mark in item.iter_markers("claimed"):
        if not TOOLS[mark.args[0]]():
            is_ci = os.environ.get("CI") == "true"
            (pytest.fail if is_ci else pytest.skip)(f"{mark.args[0]} is not on this machine")


@pytest.fixture(scope="session", autouse=True)
def keras_configured():
    """Sets TensorFlow's threads before its first computation, where a test of this session imports Keras."""
    if "keras" in sys.modules:
        from stages.training import backend

        backend.configure(studies.THREADS)


@pytest.fixture
def data():
    """24 training, 8 validation and 8 test images of 3 classes, 16x16, in memory."""
    return studies.dataset()


@pytest.fixture
def make(data, tmp_path):
    """A function that makes a run of the tiny variant with changes; runs of one name share a checkpoint."""

    def make(name="c", **changes):
        return studies.training_run(changes.pop("data", data), tmp_path / name, **changes)

    return make
