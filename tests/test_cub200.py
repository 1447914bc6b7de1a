"""The birds' archives: lists against images, and pictures of every kind."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from stages.datasets import cub200
from stages.datasets.generated import write_tar
from stages.errors import InputError

COLOURS = {"001.Red_Bird": (200, 0, 0), "002.Green_Bird": (0, 200, 0), "003.Blue_Bird": (0, 0, 200)}


def encoded(image, kind="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def entry(folder, number):
    return f"{folder}/{folder[4:]}_{number:04d}.jpg"


TRAIN = [entry(folder, number) for number in (1, 2) for folder in COLOURS]
TEST = [entry(folder, 3) for folder in COLOURS]


def write(folder, *, train=TRAIN, test=TEST, lists=None, newline="\n", images=None):
    """Writes archives of three species in one colour each, with what a test changes."""
    contents = {
        "lists/train.txt": newline.join(train).encode(),
        "lists/test.txt": newline.join(test).encode(),
    }
    write_tar(folder / cub200.LISTS, contents | (lists or {}))
    pictures = {
        f"images/{name}": encoded(Image.new("RGB", (20 + place, 30), COLOURS[name.partition("/")[0]]))
        for place, name in enumerate(sorted(TRAIN + TEST))
    }
    write_tar(folder / cub200.IMAGES, pictures | (images or {}))
    return folder


def read(folder, *, classes=("all",), image_size=8):
    return cub200.read(folder, classes=list(classes), image_size=image_size, scratch=folder / "scratch.npy")


def test_listed_pictures_come_as_squares_with_labels_and_names(tmp_path):
    examples = read(write(tmp_path))
    assert (examples.images.shape, examples.images.dtype) == ((9, 8, 8, 3), np.uint8)
    assert examples.class_names == ["Red Bird", "Green Bird", "Blue Bird"]
    assert examples.labels.tolist() == [0, 1, 2] * 3
    assert examples.is_test.tolist() == [False] * 6 + [True] * 3
    colours = examples.images.mean(axis=(1, 2))
    assert colours.argmax(axis=1).tolist() == examples.labels.tolist()


def test_images_are_memory_mapped_as_all_are_a_gigabyte(tmp_path):
    assert isinstance(read(write(tmp_path)).images, np.memmap)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\n\n"])
def test_line_ends_and_a_missing_last_newline_do_not_matter(tmp_path, newline):
    assert len(read(write(tmp_path, newline=newline)).labels) == 9


def test_chosen_classes_alone_are_decoded(tmp_path):
    spoilt = {f"images/{TRAIN[0]}": b"no picture"}
    examples = read(write(tmp_path, images=spoilt), classes=["Blue_Bird", 1])
    assert examples.class_names == ["Green Bird", "Blue Bird"]
    assert examples.images.mean(axis=(1, 2)).argmax(axis=1).tolist() == [
        label + 1 for label in examples.labels
    ]


def test_pictures_in_no_list_and_other_files_are_passed_over(tmp_path):
    others = {"images/._x.jpg": b"mac", "images/001.Red_Bird/new.jpg": b"?", "images/README": b"?"}
    assert len(read(write(tmp_path, images=others, lists={"lists/splits.mat": b"?"})).labels) == 9


MISSING = "001.Red_Bird/Red_Bird_0009.jpg"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"train": [*TRAIN, MISSING]},
            f"images.tgz lacks 'images/{MISSING}' of its lists; do both belong together?",
        ),
        ({"train": [*TRAIN, TRAIN[0]]}, f"lists.tgz: '{TRAIN[0]}' more than once in train.txt"),
        ({"test": [*TEST, TEST[0]]}, f"lists.tgz: '{TEST[0]}' more than once in test.txt"),
        ({"test": [*TEST, *TRAIN[:4]]}, "and 1 more in both train.txt and test.txt"),
        (
            {"lists": {"lists/files.txt": "\n".join([*TRAIN[1:], *TEST]).encode()}},
            f"'{TRAIN[0]}' not in files.txt",
        ),
        ({"train": ["../up.jpg"]}, "'../up.jpg' not of the form NNN.Class_name/file.jpg"),
        ({"train": ["000.Bird/a.jpg"]}, "'000.Bird/a.jpg' not of the form"),
        ({"train": ["001.Bird/../a.jpg"]}, "not of the form"),
        ({"train": ["1.Bird/a.jpg"]}, "not of the form"),
        ({"test": []}, "has no entries in lists/test.txt"),
        ({"train": [*TRAIN, "001.Other/a.jpg"]}, "class '001.Other' contradicts '001.Red Bird'"),
        ({"lists": {"lists/classes.txt": b"001.Other\n"}}, "class '001.Other' contradicts '001.Red Bird'"),
        ({"lists": {"lists/train.txt": b"\xff\xfe"}}, "lists/train.txt is no UTF-8 text"),
        ({"images": {f"images/{TEST[0]}": b"<html>"}}, f"images.tgz: images/{TEST[0]} is no JPEG or PNG"),
    ],
)
def test_lists_and_images_that_do_not_agree_are_an_error_that_names_the_entry(tmp_path, change, message):
    with pytest.raises(InputError) as caught:
        read(write(tmp_path, **change))
    assert message in str(caught.value)


def test_a_class_between_others_may_be_missing_but_not_chosen(tmp_path):
    without = {
        part: [name for name in names if not name.startswith("002")]
        for part, names in {"train": TRAIN, "test": TEST}.items()
    }
    write(tmp_path, **without)
    assert read(tmp_path, classes=[0, 2]).class_names == ["Red Bird", "Blue Bird"]
    with pytest.raises(InputError, match=r"no images of 1 \(class 1\)"):
        read(tmp_path)


def square(image, kind="PNG", **options):
    return cub200.square(encoded(image, kind, **options), size=8, name="bird.jpg")


@pytest.mark.parametrize(
    ("mode", "colour", "kind"),
    [
        ("RGB", (120, 120, 120), "JPEG"),
        ("L", 120, "JPEG"),
        ("CMYK", (0, 0, 0, 135), "JPEG"),
        ("RGBA", (120, 120, 120, 255), "PNG"),
        ("LA", (120, 255), "PNG"),
        ("L", 120, "PNG"),
    ],
)
def test_every_colour_mode_becomes_rgb(mode, colour, kind):
    image = square(Image.new(mode, (30, 20), colour), kind)
    assert (image.shape, image.dtype) == ((8, 8, 3), np.uint8)
    assert abs(image.astype(int) - 120).max() <= 3


def test_a_palette_with_transparency_becomes_rgb():
    image = Image.new("P", (9, 9), 1)
    image.putpalette([0, 0, 0, 10, 200, 30])
    assert square(image, transparency=bytes([255, 128]))[0, 0].tolist() == [10, 200, 30]


def test_a_picture_is_squashed_not_cropped():
    wide = Image.new("RGB", (40, 10), (255, 0, 0))
    wide.paste((0, 0, 255), (20, 0, 40, 10))
    image = square(wide)
    assert image[:, 0].tolist() == [[255, 0, 0]] * 8
    assert image[:, -1].tolist() == [[0, 0, 255]] * 8


def test_a_picture_of_the_right_size_keeps_its_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    assert np.array_equal(square(Image.fromarray(pixels)), pixels)


def test_the_orientation_a_camera_noted_is_honoured():
    image = Image.new("RGB", (16, 16), (255, 255, 255))
    image.paste((0, 0, 0), (0, 0, 16, 8))  # dark above
    exif = Image.Exif()
    exif[0x0112] = 3  # taken upside down
    upright = square(image, "JPEG", exif=exif)
    assert upright[0].mean() > 200
    assert upright[-1].mean() < 50


def png_header(width, height):
    """The beginning of a PNG that announces a size; its pixels would never come."""

    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(5001, 5000), (10_000, 10_000), (50_000, 50_000)])
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(size):
    with pytest.raises(InputError, match=r"bird.jpg has .*pixels.*; scale it down"):
        cub200.square(png_header(*size), size=8, name="bird.jpg")


def test_a_truncated_picture_is_refused():
    content = encoded(Image.effect_noise((64, 64), 50), "JPEG")
    with pytest.raises(InputError, match="is no JPEG or PNG that can be decoded"):
        cub200.square(content[: len(content) // 2], size=8, name="bird.jpg")


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP"])
def test_other_formats_are_refused(kind):
    with pytest.raises(InputError, match="is no JPEG or PNG"):
        square(Image.new("RGB", (8, 8)), kind)


def test_sixteen_bits_are_refused_as_they_would_all_be_white():
    with pytest.raises(InputError, match="has colour mode I;16"):
        square(Image.new("I;16", (8, 8), 40_000))
