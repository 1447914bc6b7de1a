"""What every data set becomes before it is packed, and which of its classes are taken."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.errors import InputError
from stages.parameters import Mistake, did_you_mean, refuse, shown


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


def check_classes(
    place: tuple[Any, ...], chosen: Any, n_classes: int, names: Sequence[str] | None = None
) -> Iterator[Mistake]:
    """Yields what is wrong with a selection of classes, as `select_classes` takes it.

    Args:
        place: where it stands.
        chosen: the selection.
        n_classes: there are at most so many.
        names: of all classes, by number; without them, names are believed.
    """
    if not isinstance(chosen, list | tuple) or not chosen:
        yield Mistake(place, f"is {shown(chosen)}, expected a list such as [all], [0-24] or [apple, bear]")
        return
    taken: dict[int | str, Any] = {}
    for index, item in enumerate(chosen):
        try:
            numbers = _numbers(item, n_classes, names)
        except InputError as error:
            yield Mistake((*place, index), f"is {shown(item)}, {error}")
            continue
        twice = next((number for number in numbers if number in taken), None)
        if twice is not None:
            yield Mistake(
                (*place, index), f"is {shown(item)}, but {shown(taken[twice])} chooses {twice} already"
            )
        taken |= dict.fromkeys(numbers, item)


def select_classes(chosen: Sequence[int | str], names: Sequence[str]) -> list[int]:
    """Resolves a selection of classes.

    Args:
        chosen: class numbers, ranges such as "0-24", names such as "apple", or "all".
        names: of all classes, by number.

    Returns:
        The numbers of the chosen classes, ascending; a class's new label is its place in this list.

    Raises:
        InputError: names every mistake: an unknown name, a number out of range, a class chosen twice.
    """
    refuse(check_classes(("classes",), chosen, len(names), names))
    return sorted(number for item in chosen for number in _numbers(item, len(names), names))


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


def _numbers(item: Any, n_classes: int, names: Sequence[str] | None) -> Sequence[Any]:
    """Returns the class numbers one entry of a selection stands for; its name where none are known."""
    if item == "all":
        return range(n_classes)
    found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", str(item), re.ASCII)
    if type(item) not in (int, str) or (type(item) is int and not found):
        raise InputError("expected a number, a range such as 0-24, or a name")
    if not found:
        return [_named(item, names)]
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last < n_classes:
        raise InputError(f"expected numbers from 0 to {n_classes - 1}, the smaller one first")
    return range(first, last + 1)


def _named(item: str, names: Sequence[str] | None) -> int | str:
    if names is None:
        return _plain(item)
    plain = [_plain(name) for name in names]
    if _plain(item) in plain:
        return plain.index(_plain(item))
    hint = did_you_mean(_plain(item), plain) or f" They go from {names[0]!r} to {names[-1]!r}"
    raise InputError(f"expected a class of the archive.{hint}")


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
