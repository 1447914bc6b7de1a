"""Caltech-UCSD Birds 200, the 2010 edition: archives of images and lists become labelled square images.

Source: Welinder et al. 2010, CNS-TR-2010-001. `images.tgz` holds images/NNN.Class_name/*.jpg, `lists.tgz`
holds lists/train.txt and lists/test.txt with entries NNN.Class_name/file.jpg; the class number is NNN - 1.
Works for any number of classes.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stages.datasets.archives import read_members
from stages.datasets.classes import relabel, select_classes
from stages.datasets.labelled import LabelledImages
from stages.datasets.squares import Squares
from stages.runtime.errors import InputError

IMAGES = "images.tgz"
LISTS = "lists.tgz"
_ENTRY = re.compile(r"(?P<number>(?!000)[0-9]{3})\.(?P<name>[^/]+)/[^/]+\.(?:jpe?g|png)", re.IGNORECASE)
_MAX_BYTES = 32 << 20


def read(
    source: Path,
    *,
    classes: Sequence[int | str],
    image_size: int,
    scratch: Path,
    sizes: Sequence[int] = (),
    resize: str = "squash",
) -> LabelledImages:
    """Reads the chosen classes of the archives in a folder.

    Args:
        source: holds images.tgz and lists.tgz.
        classes: which classes, as `select_classes` takes them.
        image_size: pixels.
        scratch: a folder to write into, where the returned images lie (memory-mapped: all are 0.9 GB).
        sizes: further ones.
        resize: how images become squares, see `images.square`.

    Raises:
        InputError: lists and images do not agree, or images cannot be decoded.
    """
    archive = source / LISTS
    train, test = _lists(archive)
    parsed = [_parsed(entry, archive) for entry in train + test]
    names = _class_names(parsed, archive)
    numbers = select_classes(classes, names)
    kept, labels = relabel(np.array([number for number, _ in parsed], np.int64), numbers, names)
    labelled = {f"images/{(train + test)[index]}": row for row, index in enumerate(kept)}
    squares = Squares(scratch, len(kept), (image_size, *sizes), resize=resize)
    rows = _decoded(source / IMAGES, labelled, squares)
    class_names = [names[number] for number in numbers]
    return squares.labelled(image_size, labels[rows], kept[rows] >= len(train), class_names)


def _lists(archive: Path) -> list[list[str]]:
    """Returns the entries of train and of test; each is there once."""
    expected = ["lists/train.txt", "lists/test.txt"]
    contents = dict(read_members(archive, expected, max_bytes=_MAX_BYTES))
    try:
        texts = [contents[name].decode("utf-8-sig") for name in expected]
    except UnicodeDecodeError as error:
        raise InputError(f"{archive}: the lists are not UTF-8 text (byte {error.start})") from None
    lists = [[line.strip() for line in text.splitlines() if line.strip()] for text in texts]
    repeated = [entry for entry, count in Counter(lists[0] + lists[1]).items() if count > 1]
    if repeated:
        raise InputError(f"{archive}: {repeated[0][:200]!r} is listed twice in train.txt and test.txt")
    return lists


def _parsed(entry: str, archive: Path) -> tuple[int, str]:
    """Returns number and name of an entry's class: `002.Laysan_Albatross` is 1, 'Laysan Albatross'."""
    found = _ENTRY.fullmatch(entry) if entry.isprintable() else None
    if not found:
        raise InputError(f"{archive}: received {entry[:200]!r}, expected NNN.Class_name/file.jpg")
    return int(found["number"]) - 1, found["name"].replace("_", " ").strip()


def _class_names(parsed: list[tuple[int, str]], archive: Path) -> list[str]:
    """Returns all names by class number."""
    names = dict(parsed)
    if len(set(parsed)) != len(names) or len(set(names.values())) != len(names):
        raise InputError(f"{archive}: a class has two names, or two classes have one")
    return [names.get(number, f"class {number}") for number in range(max(names, default=-1) + 1)]


def _decoded(archive: Path, rows: dict[str, int], squares: Squares) -> list[int]:
    """Adds the named images of the archive to the squares; returns the rows of their labels."""
    added = []
    for name, content in read_members(archive, rows, max_bytes=_MAX_BYTES):
        if squares.add(content, name=f"{archive}: {name}"):
            added.append(rows[name])
    squares.refuse_faults(archive, "get the archive again, or leave their classes out of `classes`")
    return added
