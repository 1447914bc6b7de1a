"""What every data set becomes before it is packed, and which of its classes are taken."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.errors import InputError


@dataclass(frozen=True)
class Examples:
    """Labelled pictures in whatever order their source has them.

    Attributes:
        images: uint8[n, size, size, 3], RGB in [0, 255].
        labels: int64[n] in [0, len(class_names)).
        is_test: bool[n]: in the official test set.
        class_names: by label.
    """

    images: np.ndarray
    labels: np.ndarray
    is_test: np.ndarray
    class_names: list[str]


def select_classes(chosen: Sequence[int | str], names: Sequence[str]) -> list[int]:
    """Resolves a selection of classes.

    Args:
        chosen: class numbers, ranges such as "0-24", names such as "apple", or "all".
        names: of all classes, by number.

    Returns:
        The numbers of the chosen classes, ascending; a class's new label is its place in this list.

    Raises:
        InputError: an unknown name, a number out of range, or a class chosen twice.
    """
    if not isinstance(chosen, list | tuple) or not chosen:
        raise InputError(f"classes: {chosen!r} is no list; write [all], [0-24] or [apple, bear]")
    numbers = [number for item in chosen for number in _numbers(item, names)]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise InputError(f"classes: {twice[0]} ({names[twice[0]]}) is chosen twice in {list(chosen)!r}")
    return sorted(numbers)


def relabel(
    labels: np.ndarray, numbers: Sequence[int], names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Keeps the examples of chosen classes and numbers those 0, 1, 2 and so on.

    Args:
        labels: int64[n], class numbers of all examples.
        numbers: the chosen classes, ascending.
        names: of all classes, by number.

    Returns:
        Which examples stay, int64[m] ascending, and their new labels, int64[m] in [0, len(numbers)).

    Raises:
        InputError: a chosen class has no example.
    """
    present = np.unique(labels)
    missing = [number for number in numbers if number not in present]
    if missing:
        shown = ", ".join(f"{number} ({names[number]})" for number in missing[:3])
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InputError(f"classes: no images of {shown}{more} in the archive; it has {_ranges(present)}")
    kept = np.flatnonzero(np.isin(labels, numbers))
    return kept, np.searchsorted(numbers, labels[kept]).astype(np.int64)


def _numbers(item: int | str, names: Sequence[str]) -> range:
    """Returns the class numbers one entry of a selection stands for."""
    if item == "all":
        return range(len(names))
    found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", str(item))
    if type(item) not in (int, str) or (type(item) is int and not found):
        raise InputError(f"classes: {item!r} is no class; write a number, a range such as 0-24, or a name")
    if not found:
        return _named(item, names)
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last < len(names):
        raise InputError(f"classes: {item!r} is out of range; there are classes 0-{len(names) - 1}")
    return range(first, last + 1)


def _named(item: str, names: Sequence[str]) -> range:
    plain = [_plain(name) for name in names]
    if _plain(item) in plain:
        number = plain.index(_plain(item))
        return range(number, number + 1)
    close = difflib.get_close_matches(_plain(item), plain, n=1)
    hint = f"names go from {names[0]!r} to {names[-1]!r}"
    if close:
        hint = f"did you mean {names[plain.index(close[0])]!r}?"
    raise InputError(f"classes: no class {item!r}; {hint}")


def _plain(name: str) -> str:
    return name.replace("_", " ").strip().lower()


def _ranges(numbers: Sequence[int]) -> str:
    """Writes ascending numbers as ranges: 0-3, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)
