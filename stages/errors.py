"""How a command answers a user's mistake: one message, exit code 1, no traceback."""

import sys
from collections.abc import Callable


class InputError(Exception):
    """A mistake in what the user gave: says what was received, what was expected and what to do."""


def run(main: Callable[[], None]) -> None:
    """Runs a command's `main`; a mistake becomes one message on stderr and exit code 1.

    A mistake is an `InputError`, or a file that is not there yet. Ctrl-C ends quietly with 130.
    """
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
    except FileNotFoundError as error:
        sys.exit(f"error: no file {error.filename}; `dvc repro` makes what is missing, in the right order")
    except KeyboardInterrupt:
        sys.exit(130)
