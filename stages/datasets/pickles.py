"""CIFAR's pickles without the dangers of `pickle.load`.

A pickle is a program. The official files were written by Python 2's cPickle with protocol 2 and need few
instructions, all listed here; they name three things of NumPy, which are replaced by inert stand-ins, so that
nothing in a file can run code or allocate more than its own size.
"""

import io
import pickle
import pickletools
from typing import Any

import numpy as np

from stages.errors import InputError

_INSTRUCTIONS = frozenset(
    [
        *("PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "BUILD"),
        *(
            "NONE",
            "NEWTRUE",
            "NEWFALSE",
            "BININT",
            "BININT1",
            "BININT2",
            "LONG1",
            "BINSTRING",
            "SHORT_BINSTRING",
        ),
        *("EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"),
    ]
)


def load(content: bytes, *, name: str) -> dict[bytes, Any]:
    """Reads one CIFAR pickle.

    Args:
        content: the bytes of the file.
        name: what to call it in an error.

    Returns:
        The pickled dict: bytes keys; values are bytes, lists of bytes or int, and uint8 arrays.

    Raises:
        InputError: the pickle needs more than CIFAR's do, is damaged, or holds no dict.
    """
    try:
        _check_instructions(content)
        value = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except InputError:
        raise
    except Exception as error:  # the unpickler raises nearly everything, depending on the damage
        raise InputError(f"{name} is no CIFAR pickle: {error}; fetch the official archive") from None
    if type(value) is not dict:
        raise InputError(f"{name} is no CIFAR pickle: it holds {type(value).__name__}, expected a dict")
    return {key: item.values if isinstance(item, _Array) else item for key, item in value.items()}


def _check_instructions(content: bytes) -> None:
    for instruction, argument, _ in pickletools.genops(content):
        if instruction.name not in _INSTRUCTIONS:
            raise pickle.UnpicklingError(f"instruction {instruction.name} is not allowed")
        # The unpickler makes its memo as large as the highest number in it.
        if instruction.name == "LONG_BINPUT" and argument > len(content):
            raise pickle.UnpicklingError(f"memo number {argument} is not allowed")


class _DType:
    """Stands for numpy.dtype, of which CIFAR needs uint8 alone."""

    def __init__(self, code: bytes, align: int, copy: int):
        if code != b"u1":
            raise pickle.UnpicklingError(f"array of type {code!r}, expected b'u1'")

    def __setstate__(self, state: tuple) -> None:
        pass  # byte order, which a byte has none of


class _Array:
    """Stands for numpy.ndarray; becomes an array only when size, type and bytes agree."""

    values: np.ndarray | None = None

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, is_fortran, content = state
        if type(dtype) is not _DType or type(content) is not bytes or is_fortran is not False:
            raise pickle.UnpicklingError("an array that is not plain uint8 in C order")
        self.values = np.frombuffer(content, np.uint8).reshape(shape)


def _reconstruct(array: type, shape: tuple, code: bytes) -> _Array:
    if array is not _Array:
        raise pickle.UnpicklingError("_reconstruct of something that is no array")
    return _Array()


class _Unpickler(pickle.Unpickler):
    _known = {  # noqa: RUF012 (never changed)
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _DType,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return self._known[module, name]
