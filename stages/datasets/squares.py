"""Image files become squares of every size that is wanted: each is decoded once, its squares go to files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stages.datasets.images import square, upright
from stages.datasets.labelled import LabelledImages
from stages.runtime import memmaps
from stages.runtime.errors import InputError, some


class Squares:
    """Squares one below the other in memory-mapped files, as all of them may be larger than memory.

    What cannot be read is noted, so that it can all be reported at once.

    Attributes:
        count: how many there are.
        faults: what could not be read, and why.
    """

    def __init__(self, folder: Path, n: int, sizes: Sequence[int], *, resize: str = "squash") -> None:
        """Reserves room for n squares of each size in files <size>.npy of a folder."""
        self._arrays = {
            size: memmaps.create(folder / f"{size}.npy", np.uint8, (n, size, size, 3)) for size in set(sizes)
        }
        self._resize = resize
        self.count = 0
        self.faults: list[str] = []

    def add(self, content: bytes, *, name: str) -> bool:
        """Decodes a file and adds its squares; returns whether it could.

        Args:
            content: the bytes of an image file.
            name: what to call it if it is at fault.
        """
        try:
            image = upright(content, name=name)
        except InputError as error:
            self.faults.append(str(error))
            return False
        for size, array in self._arrays.items():
            array[self.count] = square(image, size, self._resize)
        self.count += 1
        return True

    def labelled(
        self, size: int, labels: np.ndarray, is_test: np.ndarray, class_names: list[str]
    ) -> LabelledImages:
        """Returns the squares that were added, with their labels in this order; `size` is the dataset's."""
        further = {size: array[: self.count] for size, array in self._arrays.items()}
        return LabelledImages(further.pop(size), labels, is_test, class_names, further)

    def refuse_faults(self, place: Path, remedy: str) -> None:
        """Reports all faults at once.

        Raises:
            InputError: there is one.
        """
        if self.faults:
            raise InputError(f"{self.told(place)}\n{remedy}")

    def told(self, place: Path) -> str:
        """Returns how many files of a place could not be read, and some of them."""
        total = self.count + len(self.faults)
        listed = some(self.faults, 5, "\n  ")
        return f"{place}: {len(self.faults)} of {total} images cannot be read:\n  {listed}"
