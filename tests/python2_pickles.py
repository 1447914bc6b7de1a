"""Writes pickles as Python 2 did, protocol 2, which Python 3's `pickle` cannot: there bytes become calls.

CIFAR-100's official files are of this kind; generated archives are to pass through the same narrow reader.
"""

import struct
from typing import Any

import numpy as np


def dumps(value: dict[bytes, Any]) -> bytes:
    """Pickles a dict of bytes keys; values are bytes, int of 32 bits, lists of those, or uint8 arrays."""
    items = b"".join(_item(key) + _item(item) for key, item in value.items())
    return b"\x80\x02}(" + items + b"u."


def _item(value: Any) -> bytes:
    match value:
        case bytes():
            return _string(value)
        case int():
            return b"K" + bytes([value]) if 0 <= value < 256 else b"J" + struct.pack("<i", value)
        case list():
            return b"](" + b"".join(_item(item) for item in value) + b"e"
        case np.ndarray():
            return _array(value)
    raise TypeError(f"cannot pickle {type(value).__name__}")


def _string(value: bytes) -> bytes:
    return (
        b"U" + bytes([len(value)]) + value
        if len(value) < 256
        else b"T" + struct.pack("<i", len(value)) + value
    )


def _array(value: np.ndarray) -> bytes:
    """Writes numpy's reconstruct and setstate calls for uint8[n, m]."""
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + _item(0) + b"\x85U\x01b\x87R"
    shape = b"".join(_item(length) for length in value.shape) + b"\x86"
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    return empty + b"(K\x01" + shape + dtype + b"\x89" + _string(value.tobytes()) + b"tb"
