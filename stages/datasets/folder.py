"""A folder of your own: a sub-folder per class, with or without train/ and test/ above them.

Images are read however deep below their class; what is hidden or of another kind is skipped and counted, see
`files.images_below`. Equal content gives equal datasets, in whatever order the file system lists it.
"""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.datasets.classes import relabel, select_classes
from stages.datasets.files import folders_in, images_below
from stages.datasets.images import SUFFIXES
from stages.datasets.labelled import LabelledImages
from stages.datasets.prepared import VALIDATION
from stages.datasets.splits import split
from stages.datasets.squares import Squares
from stages.runtime import progress
from stages.runtime.errors import InputError, printable, some

_IS_TEST = {  # the folders above the classes; validation images are chosen by the study itself
    **dict.fromkeys(("train", "training", "val", "valid", "validation"), False),
    **dict.fromkeys(("test", "testing"), True),
}
FEWEST = 3  # images of a class: one for each split


class _File(NamedTuple):
    """An image's file, its class, and whether it is for testing."""

    path: Path
    class_name: str
    is_test: bool


def read(
    source: Path,
    *,
    classes: Sequence[int | str],
    image_size: int,
    scratch: Path,
    sizes: Sequence[int] = (),
    resize: str = "squash",
    test_share: float = 0.2,
    split_seed: int = 0,
    skip_damaged: bool = False,
) -> LabelledImages:
    """Reads the chosen classes of a folder.

    Args:
        source: holds a folder per class; or train/ and perhaps test/, which hold one per class. The images
            of val/, by any name in _IS_TEST, join those of train/.
        classes: which classes, as `select_classes` takes them; numbers count the names in sorted order.
        image_size: pixels.
        scratch: a folder to write into, where the returned images lie (memory-mapped).
        sizes: further ones.
        resize: how images become squares, see `images.square`.
        test_share: of all images, if there is no test/; drawn by content, the same in every class.
        split_seed: another one draws other test images.
        skip_damaged: what cannot be read is skipped and counted.

    Raises:
        InputError: no classes, classes of too few images, or images that cannot be read: all of them.
    """
    if not source.is_dir():
        raise InputError(f"{source} is not a folder; it must hold a folder of images per class")
    files, names = _files(source)
    places = {name: number for number, name in enumerate(names)}
    numbers = select_classes(classes, names)
    present = Counter(file.class_name for file in files)
    some_images = [number for number in numbers if present[names[number]]]
    kept, labels = relabel(
        np.array([places[file.class_name] for file in files], np.int64), some_images, names
    )
    squares = Squares(scratch, len(kept), (image_size, *sizes), resize=resize)
    hashes = _decoded([files[index].path for index in kept], squares)
    few = [f"{names[n]!r} has {present[names[n]]}" for n in numbers if present[names[n]] < FEWEST]
    _refuse(source, squares, few, skip_damaged=skip_damaged)
    rows = np.array([row for row, value in enumerate(hashes) if value], np.int64)
    labels, is_test = labels[rows], np.array([files[index].is_test for index in kept[rows]])
    if not is_test.any():
        found = [value for value in hashes if value]
        is_test = split(labels, found, is_test, share=test_share, seed=split_seed) == VALIDATION
    return squares.labelled(image_size, labels, is_test, [names[number] for number in numbers])


def _refuse(source: Path, squares: Squares, few: list[str], *, skip_damaged: bool) -> None:
    """Reports everything that is wrong with a folder at once."""
    faults = []
    if skip_damaged and squares.faults:
        print(f"{squares.told(source)}\nThey are skipped.")
    elif squares.faults:
        remedy = (
            "replace, remove or skip them: skip_damaged: true in params.yaml, --skip-damaged of stages.new"
        )
        faults.append(f"{squares.told(source)}\n{remedy}")
    if few:
        faults.append(
            f"{source}: a class needs at least {FEWEST} different images, but {some(few, 5)};"
            " add images, remove its folder, or list the other classes in `classes`"
        )
    if faults:
        raise InputError("\n".join(faults))


def _decoded(paths: Sequence[Path], squares: Squares) -> list[str | None]:
    """Adds images to the squares; returns the hash of each file, None of one that cannot be read."""
    hashes: list[str | None] = []
    with progress.bar("images", total=len(paths), unit="image", leave=False) as bar:
        for path in paths:
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                raise InputError(f"{path} was removed while it was being read; run again") from None
            is_read = squares.add(content, name=printable(str(path)))
            hashes.append(hashlib.sha256(content).hexdigest() if is_read else None)
            bar.update(1)
    return hashes


def _files(source: Path) -> tuple[list[_File], list[str]]:
    """Returns all images, and the names of all classes."""
    roots = _roots(source)
    skipped = Counter(
        {
            "outside a class folder": sum(
                path.is_file() for root in {source, *roots} for path in root.iterdir()
            )
        }
    )
    files, names = [], set()
    for root, is_test in roots.items():
        for name in folders_in(root):
            found = images_below(root / name)
            names.add(_class_name(root / name))
            files += [_File(path, _class_name(root / name), is_test) for path in found.images]
            skipped += found.skipped
    if len(names) < 2 or not files:
        raise InputError(
            f"{source} holds {len(files)} images ({', '.join(SUFFIXES)}) of {len(names)} classes"
            f" ({', '.join(sorted(names))}), expected a folder for each of at least 2 classes"
        )
    if skipped.total():
        kinds = (f"{n} {printable(kind)}" for kind, n in sorted(skipped.items()) if n)
        print(f"{source}: skipped {', '.join(kinds)}")
    return sorted(files), sorted(names)


def _roots(source: Path) -> dict[Path, bool]:
    """Returns the folders that hold class folders, and whether their images are for testing."""
    tops = {top: _IS_TEST.get(top.lower()) for top in folders_in(source)}
    pool = [top for top, is_test in tops.items() if is_test is False]
    if None in tops.values() or not any(top.lower().startswith("train") for top in pool):
        return {source: False}
    if len(pool) > 1:
        named = printable(", ".join(pool))
        print(f"{source}: {named} are one pool; the study draws its validation images itself")
    return {source / top: bool(is_test) for top, is_test in tops.items()}


def _class_name(folder: Path) -> str:
    """Returns a folder's name in one form, however its file system writes an umlaut."""
    name = unicodedata.normalize("NFC", folder.name)
    if not name.isprintable():
        raise InputError(f"{folder.parent}: rename the folder {name!r}; a class needs a name of plain text")
    return name
