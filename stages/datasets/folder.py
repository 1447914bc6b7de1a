"""A folder of your own: a sub-folder per class, with or without train/ and test/ above them.

JPEG, PNG and WebP files are read, however deep below their class; what is hidden or of another kind is
skipped and counted. Equal content gives equal datasets, whatever the order of the file system.
"""

import hashlib
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stages.datasets.classes import relabel, select_classes
from stages.datasets.images import SUFFIXES, decode
from stages.datasets.prepared import VALIDATION, LabelledImages
from stages.datasets.splits import split
from stages.runtime import memmaps
from stages.runtime.errors import InputError

_IS_TEST = {  # the folders above the classes; validation images are chosen by the study itself
    **dict.fromkeys(("train", "training", "val", "valid", "validation"), False),
    **dict.fromkeys(("test", "testing"), True),
}
_MIN_IMAGES = 3  # of a class that is to train, validate and test


def read(
    source: Path,
    *,
    classes: Sequence[int | str],
    image_size: int,
    scratch: Path,
    test_share: float = 0.2,
    split_seed: int = 0,
) -> LabelledImages:
    """Reads the chosen classes of a folder; images are squashed to squares.

    Args:
        source: holds a folder per class; or train/ and perhaps test/, which hold one per class. The images
            of val/ beside them, or whatever _IS_TEST calls it, join those of train/.
        classes: which classes, as `select_classes` takes them; numbers count the names in sorted order.
        image_size: pixels.
        scratch: a file to write, which the returned images lie in (memory-mapped).
        test_share: of all images, where there is no test/; drawn by content, the same in every class.
        split_seed: another one draws other test images.

    Raises:
        InputError: no classes, a class with too few images, or an image that cannot be decoded.
    """
    if not source.is_dir():
        raise InputError(f"{source} is not a folder; it must hold a folder of images per class")
    files, names = _files(source)
    places = {name: number for number, name in enumerate(names)}
    numbers = select_classes(classes, names)
    kept, labels = relabel(np.array([places[name] for _, name, _ in files], np.int64), numbers, names)
    files, class_names = [files[index] for index in kept], [names[number] for number in numbers]
    images = memmaps.create(scratch, np.uint8, (len(files), image_size, image_size, 3))
    hashes = []
    for row, (path, _, _) in enumerate(files):
        content = path.read_bytes()
        images[row] = decode(content, size=image_size, name=str(path))
        hashes.append(hashlib.sha256(content).hexdigest())
    is_test = np.array([in_test for _, _, in_test in files])
    if not is_test.any():
        _check_counts(source, labels, class_names)
        chosen = split(labels, hashes, is_test, share=test_share, seed=split_seed, knob="test_share")
        is_test = chosen == VALIDATION
    return LabelledImages(images, labels, is_test, class_names)


def _files(source: Path) -> tuple[list[tuple[Path, str, bool]], list[str]]:
    """Returns of each image path, class name and whether it is for testing; and the names of all classes."""
    roots = _roots(source)
    files, skipped = [], sum(path.is_file() for root in {source, *roots} for path in root.iterdir())
    folders = [(root / name, is_test) for root, is_test in roots.items() for name in _folders(root)]
    for folder, is_test in folders:
        inside = [Path(top, file) for top, _, found in os.walk(folder) for file in found]
        images = [path for path in inside if _is_image(path, folder)]
        files += [(path, _class_name(folder), is_test) for path in images]
        skipped += len(inside) - len(images)
    names = sorted({_class_name(folder) for folder, _ in folders})
    if len(names) < 2 or not files:
        raise InputError(
            f"{source} holds {len(files)} images ({', '.join(SUFFIXES)}) of {len(names)} classes"
            f" ({', '.join(names)}), expected a folder for each of at least 2 classes"
        )
    if skipped:
        print(
            f"{source}: skipped {skipped} files that are hidden, of other kinds, or not in a class's folder"
        )
    return sorted(files), names


def _roots(source: Path) -> dict[Path, bool]:
    """Returns the folders that hold class folders, and whether their images are for testing."""
    tops = {top: _IS_TEST.get(top.lower()) for top in _folders(source)}
    pool = [top for top, is_test in tops.items() if is_test is False]
    if None in tops.values() or not any(top.lower().startswith("train") for top in pool):
        return {source: False}
    if len(pool) > 1:
        print(f"{source}: {', '.join(pool)} are one pool; the study draws its validation images itself")
    return {source / top: bool(is_test) for top, is_test in tops.items()}


def _folders(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _is_image(path: Path, folder: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in SUFFIXES and not is_hidden and path.is_file()


def _class_name(folder: Path) -> str:
    """Returns a folder's name in the one form that all file systems' ways to write an umlaut agree on."""
    name = unicodedata.normalize("NFC", folder.name)
    if not name.isprintable():
        raise InputError(f"{folder.parent}: rename the folder {name!r}; a class needs a name of plain text")
    return name


def _check_counts(source: Path, labels: np.ndarray, class_names: list[str]) -> None:
    counts = np.bincount(labels, minlength=len(class_names)).tolist()
    few = [f"{name!r} has {n}" for n, name in zip(counts, class_names, strict=True) if n < _MIN_IMAGES]
    if few:
        raise InputError(
            f"{source}: class {', '.join(few[:5])} image(s), expected at least {_MIN_IMAGES}: one each to"
            f" train, validate and test ({sum(counts)} images of {len(counts)} classes); add some, or leave"
            " it out of `classes`"
        )
