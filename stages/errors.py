"""How a command answers a user's mistake: one message, exit code 1, no traceback."""

import sys
from collections.abc import Callable


class InputError(Exception):
    """A mistake in what the user gave: says what was received, what was expected and what to do."""


def run(main: Callable[[], None]) -> None:
    """Runs a command's `main`; an `InputError` becomes one message on stderr and exit code 1."""
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
