"""What a dataset format reads, before it is sorted, split and written."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class LabelledImages:
    """The images of a dataset format, in the order of their source.

    Attributes:
        images: uint8[n, size, size, 3], RGB in [0, 255].
        labels: int64[n] in [0, len(class_names)).
        is_test: bool[n]: in the test split.
        class_names: by label.
        further: other sizes -> the same images, row by row, uint8[n, size, size, 3].
    """

    images: np.ndarray
    labels: np.ndarray
    is_test: np.ndarray
    class_names: list[str]
    further: Mapping[int, np.ndarray] = field(default_factory=dict)
