"""Progress bars: seen on a terminal, nothing in a log. No result depends on them."""

from tqdm import tqdm


def bar(what: str, *, total: int, done: int = 0, unit: str = "it", leave: bool = True) -> tqdm:
    """Returns a progress bar, a context; `update(n)` moves it on.

    Args:
        what: is being done.
        total: how many units there are.
        done: how many are done already.
        unit: what is counted.
        leave: whether the bar stays when it is full.
    """
    # disable=None: a bar on a terminal, nothing in a log
    return tqdm(desc=what, total=total, initial=done, unit=unit, leave=leave, disable=None)
