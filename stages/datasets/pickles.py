"""CIFAR's pickles without the dangers of `pickle.load`.

A pickle is a program. The official files were written by Python 2's cPickle with protocol 2 and need few
instructions, all listed here; they name three things of NumPy, which are replaced by inert stand-ins, so that
nothing in a file can run code, nest without end, or take memory out of proportion to its own size.
"""

import io
import pickle
import pickletools
import reprlib
from typing import Any

import numpy as np

from stages.errors import InputError

_SHAREABLE = {"BINSTRING", "SHORT_BINSTRING", "GLOBAL"}
_MEMO_WRITES = {"BINPUT", "LONG_BINPUT"}
_MEMO_READS = {"BINGET", "LONG_BINGET"}
_TUPLES = {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
_INSTRUCTIONS = {
    *("PROTO", "STOP", "MARK", "REDUCE", "BUILD", "NONE", "NEWTRUE", "NEWFALSE"),
    *("BININT", "BININT1", "BININT2", "LONG1", "EMPTY_LIST", "APPEND", "APPENDS"),
    *("EMPTY_DICT", "SETITEM", "SETITEMS"),
    *(_SHAREABLE | _MEMO_WRITES | _MEMO_READS | _TUPLES),
}
_MAX_INSTRUCTIONS = 2_000_000  # each may take 100 bytes; the official `train` has 0.2 million
_MAX_TUPLES = 100  # tuples in tuples take C's stack to hash; an array has 6


def load(content: bytes, *, name: str) -> dict[bytes, Any]:
    """Reads one CIFAR pickle.

    Args:
        content: the bytes of the file.
        name: what to call it in an error.

    Returns:
        The pickled dict: bytes keys; values are None, bytes, int, lists of bytes or int, and uint8 arrays.

    Raises:
        InputError: the pickle needs more than CIFAR's do, is damaged, or holds something else.
    """
    try:
        _check_instructions(content)
        value = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        if type(value) is not dict:
            raise pickle.UnpicklingError(f"it holds {type(value).__name__}, expected a dict")
        return {_key(key): _item(item) for key, item in value.items()}
    except MemoryError:
        raise
    except Exception as error:  # the unpickler raises nearly everything, depending on the damage
        problem = str(error)[:200]
        raise InputError(f"{name} is no CIFAR pickle: {problem}; fetch the official archive") from None


def _check_instructions(content: bytes) -> None:
    shareable, before, tuples = set(), "", 0
    for number, (instruction, argument, _) in enumerate(pickletools.genops(content)):
        kind, problem = instruction.name, None
        tuples += kind in _TUPLES
        if kind not in _INSTRUCTIONS:
            problem = f"instruction {kind}"
        elif number > _MAX_INSTRUCTIONS or tuples > _MAX_TUPLES:
            problem = f"more than {_MAX_INSTRUCTIONS} instructions or {_MAX_TUPLES} tuples"
        # The unpickler makes its memo as large as the highest number in it.
        elif kind in _MEMO_WRITES and argument > number:
            problem = f"memo number {argument}"
        # A list twice in a list, that one twice in another, and so on, soon has more items than any memory.
        elif kind in _MEMO_READS and argument not in shareable:
            problem = "sharing anything but text"
        elif kind in _MEMO_WRITES:
            (shareable.add if before in _SHAREABLE else shareable.discard)(argument)
        if problem:
            raise pickle.UnpicklingError(f"{problem} is not allowed")
        before = kind


def _key(key: Any) -> bytes:
    if type(key) is not bytes:
        raise pickle.UnpicklingError(f"its dict has a key of type {type(key).__name__}, expected bytes")
    return key


def _item(value: Any) -> Any:
    """Returns a value of the dict, an array as such; refuses what no CIFAR file holds."""
    if type(value) is _Array and value.values is not None:
        return value.values
    if type(value) not in (type(None), bytes, int, list):
        raise pickle.UnpicklingError(f"its dict holds a {type(value).__name__.lstrip('_')}")
    wrong = [item for item in value if type(item) not in (bytes, int)] if type(value) is list else []
    if wrong:
        raise pickle.UnpicklingError(f"a list in it holds a {type(wrong[0]).__name__.lstrip('_')}")
    return value


class _DType:
    """Stands for numpy.dtype, of which CIFAR needs uint8 alone."""

    __slots__ = ()

    def __init__(self, code: bytes, align: int, copy: int):
        if code != b"u1":
            raise pickle.UnpicklingError(f"array of type {reprlib.repr(code)}, expected b'u1'")

    def __setstate__(self, state: tuple) -> None:
        pass  # byte order, which a byte has none of


class _Array:
    """Stands for numpy.ndarray and its `_reconstruct`; has values only where size, type and bytes agree."""

    __slots__ = ("values",)

    def __init__(self, array: type, shape: tuple, code: bytes):
        if array is not _Array:
            raise pickle.UnpicklingError("_reconstruct of something that is no array")
        self.values: np.ndarray | None = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, is_fortran, content = state
        if type(dtype) is not _DType or type(content) is not bytes or is_fortran is not False:
            raise pickle.UnpicklingError("an array that is not plain uint8 in C order")
        if type(shape) is not tuple or not all(type(length) is int and length >= 0 for length in shape):
            raise pickle.UnpicklingError(f"an array of shape {reprlib.repr(shape)}")
        self.values = np.frombuffer(content, np.uint8).reshape(shape)


class _Unpickler(pickle.Unpickler):
    # Classes alone: a BUILD could set attributes of a function, which would outlive the pickle.
    _known = {  # noqa: RUF012 (never changed)
        ("numpy.core.multiarray", "_reconstruct"): _Array,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _DType,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise pickle.UnpicklingError(f"{f'{module}.{name}'!r} is not allowed")
        return self._known[module, name]
