"""CIFAR's pickles without the dangers of `pickle.load`: anything they name other than arrays is refused.

Python 2 wrote the official files, Python 3 writes what people pack themselves (any protocol); text comes as
bytes from the former and as str from the latter.
"""

import io
import pickle
from typing import Any

from stages.runtime.errors import InputError

_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.numeric", "_frombuffer"),  # protocol 5
    ("_codecs", "encode"),  # bytes, as Python 3 writes them in protocol 2
}


def load(content: bytes, *, name: str) -> dict[str, Any]:
    """Reads one CIFAR pickle.

    Args:
        content: the bytes of the file.
        name: what to call it in an error.

    Returns:
        The pickled dict, its keys as str; texts among the values are bytes or str.

    Raises:
        InputError: the pickle names something other than arrays, is damaged, or does not hold a dict.
    """
    try:
        value = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        return {text(key): item for key, item in value.items()}
    except MemoryError:
        raise
    except Exception as error:  # the unpickler raises nearly everything, depending on the damage
        raise InputError(f"{name} is not a pickled dict of arrays and texts: {str(error)[:200]!r}") from None


def text(value: bytes | str) -> str:
    """Returns a text that Python 2 or 3 pickled.

    Raises:
        UnicodeDecodeError: the bytes are not UTF-8.
    """
    return value.decode() if isinstance(value, bytes) else str(value)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        module = module.replace("numpy.core.", "numpy._core.")  # its name before NumPy 2
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return super().find_class(module, name)
