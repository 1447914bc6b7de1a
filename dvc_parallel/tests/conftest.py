"""What several tests of the runner share."""

import signal

import pytest

from dvc_parallel.tests import pipelines


@pytest.fixture(autouse=True)
def no_process_stays():
    """Ends what a test has started by `pipelines.start`, also where it failed in between."""
    yield
    pipelines.end_all()


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
