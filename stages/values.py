"""What a value of params.yaml may be, stated as data: ranges, choices, kinds, names."""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stages.parameters import Mistake, did_you_mean, nearest, shown

# It becomes a path, a stage of DVC and, unquoted, a word of a command.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
MAX_ITEMS = 1000  # of a list
KINDS = {
    bool: "true or false",
    dict: "a mapping; {} is an empty one",
    float: "a number such as 0.5",
    int: "a whole number",
    list: "a list",
    str: "a text",
}


@dataclass(frozen=True)
class Interval:
    """Numbers with a point between two; `ends` says whether these belong to it, as in [low, high)."""

    low: float
    high: float
    ends: str = "[)"

    def __contains__(self, value: float) -> bool:
        is_above = value > self.low or (value == self.low and self.ends[0] == "[")
        return is_above and (value < self.high or (value == self.high and self.ends[1] == "]"))

    def __str__(self) -> str:
        low = "at least" if self.ends[0] == "[" else "above"
        high = "at most" if self.ends[1] == "]" else "below"
        return f"a number, {low} {self.low} and {high} {self.high}"


# A range of whole numbers, an interval, choices of words, a kind, or a list of one of them.
Expected = range | Interval | tuple[str, ...] | type | list


def check(place: tuple[Any, ...], value: Any, expected: Expected) -> Iterator[Mistake]:
    """Yields what is wrong with a value: its kind, or that it is out of range.

    Args:
        place: where it stands.
        value: as the file gives it.
        expected: range(1, 9), Interval(0.0, 1.0), ("none", "all"), bool, or [range(1, 9)] for a list.
    """
    if not isinstance(expected, list):
        if _kind(expected) is not type(value) or not _is_within(value, expected):
            yield Mistake(place, f"is {shown(value)}, expected {_words(expected)}{_remedy(value, expected)}")
    elif type(value) is not list or len(value) > MAX_ITEMS:
        yield Mistake(place, f"is {shown(value)}, expected a list, each item {_words(expected[0])}")
    else:
        for number, item in enumerate(value):
            yield from check((*place, number), item, expected[0])


def check_keys(
    place: tuple[Any, ...], value: Any, required: Collection[str], optional: Collection[str] = ()
) -> Iterator[Mistake]:
    """Yields unknown and missing keys, or that a value is no mapping.

    Args:
        place: where it stands.
        value: as the file gives it.
        required: keys it must have.
        optional: keys it may have.
    """
    yield from check(place, value, dict)
    if not isinstance(value, dict):
        return
    known = list(dict.fromkeys([*required, *optional]))
    unknown = [key for key in value if key not in known]
    for key in unknown:
        hint = did_you_mean(key, known) or f" Known here: {', '.join(known)}"
        yield Mistake((*place, key), f"is unknown.{hint}")
    meant = {nearest(key, known) for key in unknown}
    for key in required:
        if key not in value and key not in meant:
            yield Mistake(place, f"lacks {key}")


def check_names(places: Iterable[tuple[Any, ...]]) -> Iterator[Mistake]:
    """Yields names that are unfit for a path or a command, or that are twins.

    Args:
        places: of all names that must differ; the last part of each is the name.
    """
    taken: dict[str, tuple[Any, ...]] = {}
    for place in places:
        name = place[-1]
        if not isinstance(name, str) or not NAME.fullmatch(name):
            yield Mistake(place, "is no name: letters, digits, _ and - only, at most 64, not - first")
            continue
        other = taken.setdefault(name.lower(), place)
        if other != place:
            yield Mistake(
                place, f"is taken by {'.'.join(other)}; file systems may not tell capitals from small letters"
            )


def mapping(value: Any) -> Mapping[Any, Any]:
    """Returns a value that is a mapping; else an empty one, where the mistake is told of elsewhere."""
    return value if isinstance(value, Mapping) else {}


def _kind(expected: Expected) -> type:
    kinds = {range: int, Interval: float, tuple: str}
    return expected if isinstance(expected, type) else kinds[type(expected)]


def _is_within(value: Any, expected: Expected) -> bool:
    if isinstance(expected, type):
        return expected is not float or math.isfinite(value)
    return value in expected


def _words(expected: Expected) -> str:
    match expected:
        case range():
            return f"a whole number from {expected.start} to {expected.stop - 1}"
        case tuple():
            return f"one of {', '.join(expected)}"
        case Interval():
            return str(expected)
    return KINDS[expected]


def _remedy(value: Any, expected: Expected) -> str:
    """Returns what to write instead, where that is plain."""
    kind = _kind(expected)
    if isinstance(value, str) and isinstance(expected, tuple):
        return f".{did_you_mean(value, expected)}" if nearest(value, expected) else ""
    if isinstance(value, str) and kind in (int, float) and is_number(value):
        return "; write it without quotes"
    if type(value) is int and kind is float:
        return f"; write {float(value)}"
    return ""


def is_number(text: str) -> bool:
    """Returns whether a text would be a number, had it no quotes."""
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text.strip()) is not None
