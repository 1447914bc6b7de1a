"""Caltech-UCSD Birds 200, the 2010 edition: official archives become labelled square pictures.

Source: Welinder et al. 2010, CNS-TR-2010-001. `images.tgz` holds images/NNN.Class_name/*.jpg, `lists.tgz`
holds lists/train.txt and lists/test.txt with entries NNN.Class_name/file.jpg; the class number is NNN - 1.
Works for any number of classes. Pictures come from anywhere, so they are decoded within limits.
"""

import io
import re
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from stages import memmaps
from stages.datasets.archives import Limits, read_members
from stages.datasets.examples import Examples, relabel, select_classes
from stages.errors import InputError

IMAGES = "images.tgz"
LISTS = "lists.tgz"
MAX_PIXELS = 25_000_000  # the official pictures have at most 500 x 500
_LIST_NAMES = ("train", "test", "files", "classes")
_ENTRY = re.compile(r"[0-9]{3}\.[^/\\]+/[^/\\]+\.(?:jpe?g|png)", re.IGNORECASE)
_MODES = ("RGB", "L", "1", "P", "CMYK", "YCbCr", "RGBA", "LA")
_TURNS = {  # what makes a picture upright, by EXIF's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error)  # says Pillow


def read(folder: Path, *, classes: Sequence[int | str], image_size: int, scratch: Path) -> Examples:
    """Reads the chosen classes of the archives in `folder`; pictures are squashed to squares.

    Args:
        folder: holds images.tgz and lists.tgz.
        classes: which classes, as `select_classes` takes them.
        image_size: pixels.
        scratch: a file to write, that the returned images lie in (memory-mapped: all are 0.9 GB).

    Raises:
        InputError: lists and images do not agree, or a picture cannot be decoded.
    """
    archive = folder / LISTS
    lists = _lists(archive)
    entries = _checked_entries(lists, archive)
    names = _class_names(entries, lists.get("classes", []), archive)
    all_labels = np.array([_number(entry) for entry in entries], np.int64)
    numbers = select_classes(classes, names)
    kept, labels = relabel(all_labels, numbers, names)
    is_test = (np.arange(len(entries)) >= len(lists["train"]))[kept]
    rows = {f"images/{entries[index]}": row for row, index in enumerate(kept)}
    images = _decoded(folder / IMAGES, rows, image_size, scratch)
    return Examples(images, labels, is_test, [names[number] for number in numbers])


def square(content: bytes, *, size: int, name: str) -> np.ndarray:
    """Decodes one JPEG or PNG and squashes it to a square.

    Args:
        content: the file's bytes, of any size and colour mode. Transparency is dropped, colour profiles are
            not applied, of several pictures the first is taken, and a picture is turned as its EXIF says.
        size: pixels.
        name: what to call it in an error.

    Returns:
        uint8[size, size, 3], RGB in [0, 255].

    Raises:
        InputError: not a picture of these formats, damaged, or of more than 25 megapixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on metadata that nothing here depends on
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
                _check_header(image, name)
                image.load()
                rgb = _upright(image).convert("RGB")
                return np.asarray(rgb.resize((size, size), Image.Resampling.BILINEAR))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(f"{name} has more than {MAX_PIXELS} pixels; scale it down") from None
    except _UNREADABLE as error:
        raise InputError(f"{name} is no JPEG or PNG that can be decoded ({error})") from None


def _upright(image: Image.Image) -> Image.Image:
    """Turns a picture as its camera noted; EXIF that cannot be read notes nothing, as in every viewer."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except _UNREADABLE:
        orientation = None
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _check_header(image: Image.Image, name: str) -> None:
    """Refuses a picture by its header, before memory is taken for its pixels."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name} has {width} x {height} pixels, expected at most {MAX_PIXELS}; scale it down"
        )
    if image.mode not in _MODES:
        raise InputError(f"{name} has colour mode {image.mode}, expected {', '.join(_MODES)}")


def _lists(archive: Path) -> dict[str, list[str]]:
    """Returns the lines of the lists by list name."""
    expected = {f"lists/{name}.txt": name for name in _LIST_NAMES}
    lists = {}
    for member, content in read_members(archive, expected.__contains__, limits=Limits(member_bytes=32 << 20)):
        try:
            lines = content.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise InputError(f"{archive}: {member} is no UTF-8 text (byte {error.start})") from None
        lists[expected[member]] = [line.strip() for line in lines if line.strip()]
    for name in ("train", "test"):
        if not lists.get(name):
            raise InputError(f"{archive} has no entries in lists/{name}.txt; fetch the official archive")
    return lists


def _checked_entries(lists: dict[str, list[str]], archive: Path) -> list[str]:
    """Returns the entries of train, then test; each is well formed, there once and known to files.txt."""
    entries = lists["train"] + lists["test"]
    malformed = [entry for entry in entries if not _is_entry(entry)]
    files = lists.get("files", entries)
    unknown, unlisted = sorted(set(entries) - set(files)), sorted(set(files) - set(entries))
    both = sorted(set(lists["train"]) & set(lists["test"]))
    for found, problem in [
        (malformed, "not of the form NNN.Class_name/file.jpg"),
        (both, "in both train.txt and test.txt"),
        (_repeated(lists["train"]), "more than once in train.txt"),
        (_repeated(lists["test"]), "more than once in test.txt"),
        (unknown, "not in files.txt"),
        (unlisted, "in files.txt, but in neither train.txt nor test.txt"),
    ]:
        if found:
            raise InputError(f"{archive}: {_some(found)} {problem}; fetch the official archive")
    return entries


def _is_entry(entry: str) -> bool:
    return entry.isprintable() and _number(entry) >= 0 and _ENTRY.fullmatch(entry) is not None


def _class_names(entries: list[str], listed: list[str], archive: Path) -> list[str]:
    """Returns all names by class number: the folder `002.Laysan_Albatross` is 'Laysan Albatross'."""
    names: dict[int, str] = {}
    numbers: dict[str, int] = {}
    for folder in [*dict.fromkeys(entry.partition("/")[0] for entry in entries), *listed]:
        number, name = _number(folder), folder.partition(".")[2].replace("_", " ")
        if number < 0 or not name.strip():
            raise InputError(f"{archive}: class {_some([folder])} is not of the form NNN.Class_name")
        if names.setdefault(number, name) != name or numbers.setdefault(name, number) != number:
            other = f"{numbers.get(name, number) + 1:03d}.{names[number]}"
            raise InputError(f"{archive}: class {_some([folder])} contradicts {_some([other])}")
    return [names.get(number, f"class {number}") for number in range(max(names) + 1)]


def _number(entry: str) -> int:
    """Returns the class number of an entry or class folder, -1 where it has none."""
    return int(entry[:3]) - 1 if re.match(r"[0-9]{3}\.", entry) else -1


def _decoded(archive: Path, rows: dict[str, int], size: int, scratch: Path) -> np.ndarray:
    """Decodes the pictures into a memory-mapped file, each at its row."""
    images = memmaps.create(scratch, np.uint8, (len(rows), size, size, 3))
    missing = set(rows)
    for name, content in read_members(archive, rows.__contains__, limits=Limits(member_bytes=32 << 20)):
        images[rows[name]] = square(content, size=size, name=f"{archive}: {name}")
        missing.remove(name)
    if missing:
        raise InputError(f"{archive} lacks {_some(sorted(missing))} of its lists; do both belong together?")
    return images


def _repeated(entries: list[str]) -> list[str]:
    seen: set[str] = set()
    return [entry for entry in entries if entry in seen or seen.add(entry)]


def _some(entries: list[str]) -> str:
    more = f" and {len(entries) - 3} more" if len(entries) > 3 else ""
    return ", ".join(repr(entry[:200]) for entry in entries[:3]) + more
