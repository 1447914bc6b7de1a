"""What several tests share: Keras set up once, a dataset of forty tiny pictures, a variant to train on it."""

import signal

import pytest

from benchmarks import studies


def pytest_collection_modifyitems(items):
    """Starts the file that takes minutes first, so that the other process is not done long before it."""
    items.sort(key=lambda item: item.path.name != "test_study.py")


@pytest.fixture(scope="session")
def keras_configured():
    """Sets TensorFlow's threads before its first computation; only tests of networks ask for it."""
    from stages.training import backend

    backend.configure(studies.THREADS)


@pytest.fixture
def terminal_signals():
    """Gives processes that a test starts the signals they have on a terminal; nohup and `&` ignore some."""
    numbers = (signal.SIGINT, signal.SIGHUP)
    ignored = [number for number in numbers if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def prepared(tmp_path):
    """A folder as `prepare` makes it: 24 train, 8 validation and 8 test pictures of 3 classes, 16x16."""
    studies.write_dataset(tmp_path / "prepared")
    return tmp_path / "prepared"


@pytest.fixture
def tiny_examples(prepared):
    """The dataset of `prepared`, opened."""
    from stages.training import examples

    return examples.load(prepared)


@pytest.fixture(scope="session")
def tiny_variant():
    """A function that returns a resolved variant, of a network with every kind of layer, with changes."""
    return studies.variant
