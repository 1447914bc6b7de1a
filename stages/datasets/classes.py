"""Which classes of a dataset are taken, and their new labels."""

import difflib
import re
from collections.abc import Sequence

import numpy as np

from stages.runtime.errors import InputError


def select_classes(chosen: Sequence[int | str], names: Sequence[str]) -> list[int]:
    """Resolves a selection of classes.

    Args:
        chosen: class numbers, ranges such as "0-24", names such as "apple", or "all".
        names: of all classes, by number.

    Returns:
        The numbers of the chosen classes, ascending; a class's new label is its place in this list.

    Raises:
        InputError: an unknown name, a number out of range, a class chosen twice, or none.
    """
    numbers: list[int] = []
    for item in chosen:
        found = _numbers(item, names)
        twice = [number for number in found if number in numbers]
        if twice:
            raise InputError(f"classes: {item!r} chooses class {twice[0]} ({names[twice[0]]}) twice")
        numbers += found
    if not numbers:
        raise InputError("classes: none chosen; write a list such as [all], [0-24] or [apple, bear]")
    return sorted(numbers)


def relabel(
    labels: np.ndarray, numbers: Sequence[int], names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Keeps the images of chosen classes and numbers those 0, 1, 2 and so on.

    Args:
        labels: int64[n], class numbers of all images.
        numbers: the chosen classes, ascending.
        names: of all classes, by number.

    Returns:
        Which images stay, int64[m] ascending, and their new labels, int64[m] in [0, len(numbers)).

    Raises:
        InputError: a chosen class has no image.
    """
    present = np.unique(labels)
    missing = [number for number in numbers if number not in present]
    if missing:
        shown = ", ".join(f"{number} ({names[number]})" for number in missing[:3])
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InputError(
            f"classes: no images of {shown}{more}; {len(present)} of {len(names)} classes have some"
        )
    kept = np.flatnonzero(np.isin(labels, numbers))
    return kept, np.searchsorted(numbers, labels[kept]).astype(np.int64)


def _numbers(item: int | str, names: Sequence[str]) -> list[int]:
    """Returns the class numbers of one entry of a selection."""
    if item == "all":
        return list(range(len(names)))
    found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", str(item), re.ASCII)
    if not found:
        return [_named(str(item), names)]
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last < len(names):
        raise InputError(f"classes: received {item!r}, expected numbers from 0 to {len(names) - 1}")
    return list(range(first, last + 1))


def _named(item: str, names: Sequence[str]) -> int:
    plain = [_plain(name) for name in names]
    if _plain(item) in plain:
        return plain.index(_plain(item))
    near = difflib.get_close_matches(_plain(item), plain, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"They go from {names[0]!r} to {names[-1]!r}."
    raise InputError(f"classes: received {item!r}, expected the name of a class. {hint}")


def _plain(name: str) -> str:
    return name.replace("_", " ").strip().lower()
