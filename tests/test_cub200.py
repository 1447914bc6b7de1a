"""The birds' archives: lists against images, and pictures of every kind."""

import io
import random
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

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


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\n\n", " \t\n", "\n  "])
def test_line_ends_blanks_and_a_missing_last_newline_do_not_matter(tmp_path, newline):
    assert len(read(write(tmp_path, newline=newline)).labels) == 9


def test_a_byte_order_mark_does_not_matter(tmp_path):
    train = "\n".join(TRAIN).encode("utf-8-sig")
    assert len(read(write(tmp_path, lists={"lists/train.txt": train})).labels) == 9


def test_names_in_other_alphabets_and_endings_in_capitals_are_taken(tmp_path):
    other = ["001.Red_Bird/Rotkehlchen_Übergröße.JPG", "001.Red_Bird/赤い鳥.Png"]
    images = {f"images/{name}": encoded(Image.new("RGB", (9, 9), (200, 0, 0))) for name in other}
    assert len(read(write(tmp_path, train=[*TRAIN, *other], images=images)).labels) == 11


def test_the_same_picture_under_two_classes_stays_twice_each_under_its_own_label(tmp_path):
    same = encoded(Image.new("RGB", (9, 9), (7, 7, 7)))
    examples = read(write(tmp_path, images={f"images/{name}": same for name in (TRAIN[0], TRAIN[1])}))
    assert examples.labels.tolist()[:2] == [0, 1]
    assert np.array_equal(examples.images[0], examples.images[1])


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
        (
            {"train": TRAIN[1:], "lists": {"lists/files.txt": "\n".join([*TRAIN, *TEST]).encode()}},
            f"'{TRAIN[0]}' in files.txt, but in neither train.txt nor test.txt",
        ),
        ({"lists": {"lists/train.txt": b""}}, "has no entries in lists/train.txt"),
        ({"train": [*TRAIN, "/etc/passwd"]}, "'/etc/passwd' not of the form"),
        ({"train": [*TRAIN, "../../x.jpg"]}, "'../../x.jpg' not of the form"),
        ({"train": [*TRAIN, "001.Red_Bird\\x.jpg"]}, "not of the form"),
        ({"train": [*TRAIN, "001.Red_Bird/x.gif"]}, "'001.Red_Bird/x.gif' not of the form"),
        ({"train": [*TRAIN, "001.Red_Bird/.jpg/x.jpg"]}, "not of the form"),
        ({"train": [*TRAIN, "001.Red\x1b[2JBird/x.jpg"]}, "'001.Red\\x1b[2JBird/x.jpg' not of the form"),
        ({"train": [*TRAIN, "001.Red\u202eBird/x.jpg"]}, "'001.Red\\u202eBird/x.jpg' not of the form"),
        ({"train": [*TRAIN, "001.Red_Bird/a\0.jpg"]}, "'001.Red_Bird/a\\x00.jpg' not of the form"),
        ({"train": [*TRAIN, "\u0660\u0660\u0661.Red_Bird/x.jpg"]}, "not of the form"),
        ({"train": [*TRAIN, "004.Red_Bird/x.jpg"]}, "class '004.Red_Bird' contradicts '001.Red Bird'"),
        ({"train": [*TRAIN, "004._/x.jpg"]}, "class '004._' is not of the form NNN.Class_name"),
        ({"lists": {"lists/classes.txt": b"Red_Bird\n"}}, "class 'Red_Bird' is not of the form"),
        ({"lists": {"lists/classes.txt": b"000.Red_Bird\n"}}, "class '000.Red_Bird' is not of the form"),
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


def test_a_missing_list_is_an_error_that_names_it(tmp_path):
    write_tar(tmp_path / cub200.LISTS, {"lists/train.txt": "\n".join(TRAIN).encode()})
    with pytest.raises(InputError, match=r"lists\.tgz has no entries in lists/test\.txt"):
        read(tmp_path)


def test_an_error_about_an_endless_line_is_short(tmp_path):
    with pytest.raises(InputError) as caught:
        read(write(tmp_path, train=["x" * 1_000_000]))
    assert len(str(caught.value)) < 500


LINES = st.sampled_from(
    [*TRAIN, *TEST, "", " ", "x", "001.Red_Bird/", "000.A/b.jpg", "001.B/c.jpg", "../a.jpg"]
)


@settings(max_examples=200, deadline=None)
@given(
    lists=st.dictionaries(
        st.sampled_from(["train", "test", "files", "classes"]),
        st.lists(LINES | st.text(max_size=20), max_size=12).map("\n".join).map(str.encode)
        | st.binary(max_size=50),
    )
)
def test_whatever_the_lists_say_they_are_refused_or_name_each_picture_once(tmp_path_factory, lists):
    archive = tmp_path_factory.getbasetemp() / "lists.tgz"
    write_tar(archive, {f"lists/{name}.txt": content for name, content in lists.items()})
    try:
        found = cub200._lists(archive)
        entries = cub200._checked_entries(found, archive)
        names = cub200._class_names(entries, found.get("classes", []), archive)
    except InputError:
        return
    assert entries == found["train"] + found["test"]
    assert len(set(entries)) == len(entries)
    for name in entries:
        path = (archive.parent / "images" / name).resolve()
        assert path.relative_to((archive.parent / "images").resolve()) == path.relative_to(
            archive.parent.resolve() / "images"
        )
        assert names[cub200._number(name)] == name[4:].partition("/")[0].replace("_", " ")


@pytest.mark.parametrize(
    ("mode", "colour", "kind"),
    [
        ("RGB", (120, 120, 120), "JPEG"),
        ("L", 120, "JPEG"),
        ("CMYK", (0, 0, 0, 135), "JPEG"),
        ("RGBA", (120, 120, 120, 255), "PNG"),
        ("LA", (120, 255), "PNG"),
        ("L", 120, "PNG"),
        ("1", 1, "PNG"),
        ("YCbCr", (120, 128, 128), "JPEG"),
    ],
)
def test_every_colour_mode_becomes_rgb(mode, colour, kind):
    image = square(Image.new(mode, (30, 20), colour), kind)
    assert (image.shape, image.dtype) == ((8, 8, 3), np.uint8)
    assert abs(image.astype(int) - (255 if mode == "1" else 120)).max() <= 3


@pytest.mark.parametrize(
    ("mode", "transparency"), [("L", 120), ("RGB", (120, 120, 120)), ("P", 0), ("P", bytes([0])), ("1", 255)]
)
def test_a_transparent_colour_keeps_its_colour(mode, transparency):
    image = Image.new(mode, (9, 9), {"L": 120, "RGB": (120, 120, 120), "P": 0, "1": 255}[mode])
    if mode == "P":
        image.putpalette([120, 120, 120, 0, 0, 0])
    assert (
        abs(square(image, transparency=transparency).astype(int) - (255 if mode == "1" else 120)).max() == 0
    )


def test_sixteen_bits_a_colour_become_eight():
    row = b"\0" + struct.pack(">3H", 0x1234, 0x80FF, 0xFF00) * 4
    content = png(b"IHDR", struct.pack(">IIBB3x", 4, 4, 16, 2), b"IDAT", zlib.compress(row * 4))
    assert cub200.square(content, size=8, name="a")[0, 0].tolist() == [0x12, 0x80, 0xFF]


def test_a_printers_jpeg_of_inverted_inks_as_photoshop_writes_it_has_the_right_colours():
    # Pillow writes CMYK as Photoshop does: with an Adobe marker, and 255 for no ink.
    content = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")  # magenta and yellow: red
    assert b"\xff\xee\0\x0eAdobe" in content
    assert abs(cub200.square(content, size=8, name="a").astype(int) - [255, 0, 0]).max() <= 3


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


CORNERS = np.array([[10, 90], [170, 250]], np.uint8)
# Which side of the stored picture is the upright one's top, and which its left: EXIF 2.32, 4.6.4.
UPRIGHT = {
    1: CORNERS,
    2: CORNERS[:, ::-1],
    3: CORNERS[::-1, ::-1],
    4: CORNERS[::-1],
    5: CORNERS.T,
    6: CORNERS[::-1].T,
    7: CORNERS[::-1, ::-1].T,
    8: CORNERS.T[::-1],
}


def oriented(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_the_orientation_a_camera_noted_is_honoured(orientation, kind):
    image = Image.fromarray(CORNERS.repeat(16, axis=0).repeat(24, axis=1))
    turned = square(image, kind, exif=oriented(orientation))[::7, ::7, 0]
    assert abs(turned.astype(int) - UPRIGHT[orientation]).max() <= 3


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_is_none_turns_nothing(orientation):
    image = Image.fromarray(CORNERS.repeat(16, axis=0).repeat(16, axis=1))
    assert np.array_equal(square(image, exif=oriented(orientation)), square(image))


NOT_A_TEXT = b"Exif\0\0MM\0*\0\0\0\x08\0\x02" + b"\x01\x0f\0\x05\0\0\0\x01\0\0\0\0"  # a fraction as maker


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0junk",
        b"Exif\0\0",
        b"junk",
        b"Exif\0\0MM\0*\xff\xff\xff\xff",
        NOT_A_TEXT,
        oriented(6).tobytes()[:24],
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_exif_that_cannot_be_read_turns_nothing_and_warns_of_nothing(exif, kind):
    image = Image.fromarray(CORNERS.repeat(16, axis=0).repeat(16, axis=1))
    assert np.array_equal(square(image, kind, exif=exif), square(image, kind))


def test_a_picture_is_turned_though_another_entry_of_its_exif_is_nonsense():
    image = Image.fromarray(CORNERS.repeat(16, axis=0).repeat(16, axis=1))
    orientation = b"\x01\x12\0\x03\0\0\0\x01\0\x03\0\0"
    maker = b"\x01\x0f\0\x05\0\0\0\x01\0\0\0\x26"  # a fraction where a text belongs
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x02" + maker + orientation + bytes(4) + struct.pack(">II", 1, 1)
    assert np.array_equal(square(image, exif=exif), square(image, exif=oriented(3)))


def png(*parts):
    """A PNG of chunks: their kinds and contents in turn."""
    chunks = [(kind + data, len(data)) for kind, data in zip(parts[::2], parts[1::2], strict=True)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", size) + body + struct.pack(">I", zlib.crc32(body))
        for body, size in [*chunks, (b"IEND", 0)]
    )


def png_header(width, height):
    """The beginning of a PNG that announces a size; its pixels would never come."""
    return png(b"IHDR", struct.pack(">IIBB3x", width, height, 8, 2), b"IDAT", b"x")


@pytest.mark.parametrize("size", [(5001, 5000), (10_000, 10_000), (50_000, 50_000)])
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(size):
    with pytest.raises(InputError, match=r"bird.jpg has .*pixels.*; scale it down"):
        cub200.square(png_header(*size), size=8, name="bird.jpg")


def test_a_truncated_picture_is_refused():
    content = encoded(Image.effect_noise((64, 64), 50), "JPEG")
    with pytest.raises(InputError, match="is no JPEG or PNG that can be decoded"):
        cub200.square(content[: len(content) // 2], size=8, name="bird.jpg")


@pytest.mark.parametrize("width", [1, 3])
def test_the_smallest_and_the_narrowest_pictures_become_squares(width):
    assert square(Image.new("RGB", (width, 1), (9, 8, 7)))[5, 5].tolist() == [9, 8, 7]
    assert square(Image.new("RGB", (width, 5000), (9, 8, 7)))[5, 5].tolist() == [9, 8, 7]


@pytest.mark.parametrize("content", [b"", b"\xff", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", png_header(0, 9)])
def test_what_is_hardly_begun_is_refused(content):
    with pytest.raises(InputError, match="is no JPEG or PNG that can be decoded"):
        cub200.square(content, size=8, name="bird.jpg")


@pytest.mark.parametrize(
    "content",
    [
        png(b"IHDR", b"short", b"IDAT", b"x"),
        png(b"IHDR", struct.pack(">IIBB3x", 8, 8, 8, 2))[:-4] + b"xxxx",
        png(b"IHDR", struct.pack(">IIBB3x", 8, 8, 8, 2), b"acTL", b"x", b"IDAT", zlib.compress(bytes(200))),
        png(b"IHDR", struct.pack(">IIBB3x", 8, 8, 8, 2), b"pHYs", b"x", b"IDAT", zlib.compress(bytes(200))),
    ],
    ids=["header", "no pixels", "animation", "resolution"],
)
def test_a_png_of_broken_parts_is_refused(content):
    with pytest.raises(InputError, match="is no JPEG or PNG that can be decoded"):
        cub200.square(content, size=8, name="bird.jpg")


def test_a_damaged_png_is_refused_whether_or_not_it_has_a_text_behind_its_pixels():
    content = bytearray(encoded(Image.effect_noise((64, 64), 50), "PNG"))
    content[1000] ^= 1
    with pytest.raises(InputError, match="is no JPEG or PNG that can be decoded"):
        cub200.square(bytes(content), size=8, name="bird.jpg")


def test_a_progressive_jpeg_is_read():
    image = Image.new("RGB", (64, 64), (120, 60, 30))
    assert abs(square(image, "JPEG", progressive=True).astype(int) - [120, 60, 30]).max() <= 3


@pytest.mark.parametrize("kind", ["PNG", "MPO"])
def test_the_first_of_several_pictures_is_taken(kind):
    first, second = Image.new("RGB", (16, 16), (200, 0, 0)), Image.new("RGB", (16, 16), (0, 0, 200))
    image = square(first, kind, save_all=True, append_images=[second])
    assert abs(image.astype(int) - [200, 0, 0]).max() <= 3


def test_a_colour_profile_of_junk_changes_nothing():
    image = Image.effect_noise((64, 64), 50).convert("RGB")
    for kind in ("JPEG", "PNG"):
        assert np.array_equal(square(image, kind, icc_profile=b"junk"), square(image, kind))


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_a_text_or_profile_that_unpacks_without_end_takes_no_memory(kind):
    bomb = zlib.compress(bytes(100 << 20))
    head = b"a\0\1\0\0\0" if kind == b"iTXt" else b"a\0\0"
    content = png(
        *(b"IHDR", struct.pack(">IIBB3x", 8, 8, 8, 2), kind, head + bomb),
        *(b"IDAT", zlib.compress(bytes(8 * 25))),
    )
    tracemalloc.start()
    try:
        assert square_or_refuse(content) is None or not square_or_refuse(content).any()
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP"])
def test_other_formats_are_refused(kind):
    with pytest.raises(InputError, match="is no JPEG or PNG"):
        square(Image.new("RGB", (8, 8)), kind)


def test_sixteen_bits_are_refused_as_they_would_all_be_white():
    with pytest.raises(InputError, match="has colour mode I;16"):
        square(Image.new("I;16", (8, 8), 40_000))


def square_or_refuse(content):
    try:
        image = cub200.square(content, size=8, name="bird.jpg")
    except InputError as error:
        message = str(error)
    else:
        assert (image.shape, image.dtype) == ((8, 8, 3), np.uint8)
        return image
    assert message.startswith("bird.jpg has ") or message.startswith("bird.jpg is no JPEG or PNG")
    return None


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8))
NOTE = PngImagePlugin.PngInfo()
NOTE.add_text("note", "x" * 50, zip=True)
PICTURES = [
    encoded(NOISE, "JPEG", exif=oriented(6), icc_profile=b"x" * 50),
    encoded(NOISE, "JPEG", progressive=True),
    encoded(NOISE.convert("CMYK"), "JPEG"),
    encoded(NOISE, "MPO", save_all=True, append_images=[NOISE]),
    encoded(NOISE, "PNG", pnginfo=NOTE, exif=oriented(6), icc_profile=b"x" * 50),
    encoded(NOISE.quantize(16), "PNG", transparency=bytes(range(16))),
    encoded(NOISE, "PNG", save_all=True, append_images=[NOISE.rotate(90)]),
    encoded(NOISE.convert("1"), "PNG"),
]


def with_right_checksums(content):
    content, start = bytearray(content), 8
    while start + 12 <= len(content):
        end = start + 8 + int.from_bytes(content[start : start + 4], "big")
        content[end : end + 4] = struct.pack(">I", zlib.crc32(content[start + 4 : end]))
        start = end + 4
    return bytes(content)


@settings(max_examples=400, deadline=None)
@given(picture=st.sampled_from(PICTURES), seed=st.integers(0, 1 << 32), is_head=st.booleans())
def test_a_picture_changed_anywhere_becomes_a_square_or_is_refused(picture, seed, is_head):
    draw, content = random.Random(seed), bytearray(picture)
    for _ in range(draw.randrange(1, 5)):
        start = draw.randrange(1 + min(len(content), 300 if is_head else len(content)))
        content[start : start + draw.randrange(3)] = draw.randbytes(draw.randrange(3))
    is_png = picture.startswith(b"\x89PNG") and draw.random() < 0.8
    square_or_refuse(with_right_checksums(content) if is_png else bytes(content))
    square_or_refuse(picture[: draw.randrange(len(picture))])


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=200), start=st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n"]))
def test_any_bytes_at_all_are_no_picture(content, start):
    assert square_or_refuse(start + content) is None
