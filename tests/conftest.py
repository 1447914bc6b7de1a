"""What several tests share: Keras set up once, a dataset of forty tiny images."""

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
    # not SIG_DFL, which is 0: DVC then takes it for no handler and does not put it back
    for number in ignored:
        signal.signal(number, signal.default_int_handler)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def data():
    """24 training, 8 validation and 8 test images of 3 classes, 16x16, in memory."""
    return studies.dataset()
