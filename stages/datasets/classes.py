"""Which classes of a dataset are taken, and their new labels."""

import difflib
import re
from collections.abc import Sequence

import numpy as np

from stages.runtime.errors import InputError, some


def select_classes(chosen: Sequence[int | str], names: Sequence[str]) -> list[int]:
    """Resolves a selection of classes.

    Args:
        chosen: class numbers, ranges such as "0-24", names such as "apple", or "all". A text that is the
            name of a class is that class; otherwise capitals do not matter, and a blank may stand for an
            underscore.
        names: of all classes, by number.

    Returns:
        The numbers of the chosen classes, ascending; a class's new label is its place in this list.

    Raises:
        InputError: an unknown name, a number out of range, an entry that can be read in two ways, a class
            chosen twice, two that differ only in capitals, or none.
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
    _refuse_likes([names[number] for number in numbers])
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
        shown = some([f"{number} ({names[number]})" for number in missing])
        raise InputError(f"classes: no images of {shown}; {len(present)} of {len(names)} classes have some")
    kept = np.flatnonzero(np.isin(labels, numbers))
    return kept, np.searchsorted(numbers, labels[kept]).astype(np.int64)


def _numbers(item: int | str, names: Sequence[str]) -> list[int]:
    """Returns the class numbers of one entry of a selection."""
    if item in names and item != "all":
        return [names.index(item)]
    if item == "all":
        if item in names:
            raise InputError("classes: 'all' is also the name of a class; rename that class")
        return list(range(len(names)))
    found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", str(item), re.ASCII)
    if not found:
        return [_named(str(item), names)]
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last < len(names):
        or_name = f", or the name {str(item)!r} in quotes" if str(item) in names else ""
        raise InputError(f"classes: received {item!r}, expected numbers from 0 to {len(names) - 1}{or_name}")
    for number in (first, last):
        if str(number) in names and names[number] != str(number):
            raise InputError(
                f"classes: {item!r} has two readings, as {number} is the name of a class, and the place of"
                f" {names[number]!r}; write names in quotes, such as {str(number)!r} or {names[number]!r}"
            )
    return list(range(first, last + 1))


def _named(item: str, names: Sequence[str]) -> int:
    plain = [_plain(name) for name in names]
    alike = [number for number, name in enumerate(plain) if name == _plain(item)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        shown = ", ".join(repr(names[number]) for number in alike)
        raise InputError(f"classes: {item!r} may be {shown}; write one of them exactly")
    near = difflib.get_close_matches(_plain(item), plain, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"They go from {names[0]!r} to {names[-1]!r}."
    raise InputError(f"classes: received {item!r}, expected the name of a class. {hint}")


def _refuse_likes(names: Sequence[str]) -> None:
    """Refuses names that differ only in capitals: file systems may not tell them apart."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise InputError(f"classes: {other!r} and {name!r} differ only in capitals; rename or merge one")


def _plain(name: str) -> str:
    return name.replace("_", " ").strip().lower()
