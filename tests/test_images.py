"""Images of every kind become squares of RGB, within limits; what cannot be read is named."""

import random
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from small_archives import encoded, noise

from stages.datasets.images import RESIZES, decode
from stages.runtime.errors import InputError


def square(image, kind="PNG", **options):
    return decode(encoded(image, kind, **options), size=8, name="bird.jpg")


@pytest.mark.parametrize(
    ("mode", "colour", "kind"),
    [
        ("RGB", (120, 120, 120), "JPEG"),
        ("CMYK", (0, 0, 0, 135), "JPEG"),
        ("YCbCr", (120, 128, 128), "JPEG"),
        ("RGBA", (120, 120, 120, 255), "PNG"),
        ("L", 120, "PNG"),
        ("1", 1, "PNG"),
        ("RGB", (120, 120, 120), "WEBP"),
        ("CMYK", (0, 0, 0, 135), "TIFF"),
        ("L", 120, "GIF"),
    ],
)
def test_every_colour_mode_becomes_rgb(mode, colour, kind):
    image = square(Image.new(mode, (30, 20), colour), kind)
    assert (image.shape, image.dtype) == ((8, 8, 3), np.uint8)
    assert abs(image.astype(int) - (255 if mode == "1" else 120)).max() <= 3


@pytest.mark.parametrize(("mode", "kind"), [("LA", "PNG"), ("RGBA", "WEBP"), ("P", "GIF")])
def test_what_is_transparent_lies_on_white(mode, kind):
    """Left black, right transparent with a hidden red."""
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 255))
    image.paste((200, 0, 0, 0), (4, 0, 8, 8))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    found = square(image.convert(mode) if mode != "P" else image, kind, **options)
    assert (found[:, :4] == 0).all()
    assert (found[:, 4:] == 255).all()


def test_half_transparent_pixels_are_mixed_with_white():
    found = square(Image.new("RGBA", (8, 8), (0, 100, 200, 51)))  # a fifth of the colour, the rest white
    assert (found == [204, 224, 244]).all()


@pytest.mark.parametrize(
    ("mode", "colour", "transparency"),
    [
        ("L", 120, 120),
        ("RGB", (120, 120, 120), (120, 120, 120)),
        ("P", 0, 0),
        ("P", 0, bytes([0])),
        ("1", 1, 1),
    ],
)
def test_a_colour_or_palette_entry_that_is_declared_transparent_is_white(mode, colour, transparency):
    image = Image.new(mode, (9, 9), colour)
    if mode == "P":
        image.putpalette([120, 120, 120, 0, 0, 0])
    assert (square(image, transparency=transparency) == 255).all()


def test_inverted_inks_as_photoshop_writes_them_have_the_right_colours():
    # Pillow writes CMYK as Photoshop does: with an Adobe marker, and 255 for no ink.
    content = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")  # magenta and yellow: red
    assert b"\xff\xee\0\x0eAdobe" in content
    assert abs(decode(content, size=8, name="a").astype(int) - [255, 0, 0]).max() <= 3


def test_an_image_is_squashed_not_cropped():
    wide = Image.new("RGB", (40, 10), (255, 0, 0))
    wide.paste((0, 0, 255), (20, 0, 40, 10))
    image = square(wide)
    assert image[:, 0].tolist() == [[255, 0, 0]] * 8
    assert image[:, -1].tolist() == [[0, 0, 255]] * 8


# Three bands of 8 x 24: red, green, blue, lying or standing.
WIDE = Image.fromarray(
    np.repeat(np.uint8([[255, 0, 0], [0, 255, 0], [0, 0, 255]]), 8, axis=0)[None].repeat(8, 0)
)
TALL = WIDE.transpose(Image.Transpose.TRANSPOSE)


@pytest.mark.parametrize(("image", "turn"), [(WIDE, (0, 1, 2)), (TALL, (1, 0, 2))])
def test_a_crop_is_the_largest_square_in_the_middle(image, turn):
    found = decode(encoded(image), size=8, name="a", resize="crop").transpose(turn)
    assert (found == [0, 255, 0]).all()


@pytest.mark.parametrize(("image", "turn"), [(WIDE, (0, 1, 2)), (TALL, (1, 0, 2))])
def test_padding_keeps_all_of_the_image_between_bands_of_grey(image, turn):
    found = decode(encoded(image), size=24, name="a", resize="pad").transpose(turn)
    assert (found[:8] == 128).all()
    assert (found[16:] == 128).all()
    assert np.array_equal(found[8:16], np.asarray(WIDE))


def test_even_a_hair_is_padded_to_a_square():
    found = decode(encoded(Image.new("RGB", (1000, 1))), size=10, name="a", resize="pad")
    assert [(row == 0).all() for row in found].count(True) == 1


def test_a_square_image_is_the_same_however_it_is_resized():
    content = encoded(noise(0, (20, 20)))
    found = [decode(content, size=8, name="a", resize=resize) for resize in RESIZES]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


@pytest.mark.parametrize("resize", ["squash", "crop"])
def test_a_photo_of_48_megapixels_is_read_at_a_reduced_size(resize):
    photo = noise(0, (6, 8)).resize((8000, 6000), Image.Resampling.NEAREST)
    found = decode(encoded(photo, "JPEG"), size=16, name="photo.jpg", resize=resize)
    small = photo.resize((80, 60), Image.Resampling.BOX)
    expected = decode(encoded(small), size=16, name="small.png", resize=resize)
    assert abs(found.astype(int) - expected).mean() < 4


def test_an_image_of_the_right_size_keeps_its_pixels():
    image = noise(0, (8, 8))
    assert np.array_equal(square(image), np.asarray(image))


CORNERS = np.array([[10, 90], [170, 250]], np.uint8)
# Which side of the stored image is the upright one's top, and which its left: EXIF 2.32, 4.6.4.
UPRIGHT = {
    1: CORNERS,
    2: CORNERS[:, ::-1],
    3: CORNERS[::-1, ::-1],
    4: CORNERS[::-1],
    5: CORNERS.T,
    6: CORNERS[::-1].T,
    7: CORNERS[::-1, ::-1].T,
    8: CORNERS.T[::-1],
    9: CORNERS,
}
IMAGE = Image.fromarray(CORNERS.repeat(16, axis=0).repeat(24, axis=1))


def oriented(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize(
    ("orientation", "kind"), [*((number, "JPEG") for number in UPRIGHT), (6, "PNG"), (6, "WEBP"), (6, "TIFF")]
)
def test_the_orientation_a_camera_noted_is_honoured(orientation, kind):
    turned = square(IMAGE, kind, exif=oriented(orientation))[::7, ::7, 0]
    assert abs(turned.astype(int) - UPRIGHT[orientation]).max() <= 5


NOT_A_TEXT = b"Exif\0\0MM\0*\0\0\0\x08\0\x02" + b"\x01\x0f\0\x05\0\0\0\x01\0\0\0\0"  # a fraction as maker


@pytest.mark.parametrize("exif", [b"Exif\0\0junk", b"junk", NOT_A_TEXT, oriented(6).tobytes()[:24]])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_exif_that_cannot_be_read_turns_nothing_and_warns_of_nothing(exif, kind):
    assert np.array_equal(square(IMAGE, kind, exif=exif), square(IMAGE, kind))


def png(*parts):
    """A PNG of chunks: their kinds and contents in turn."""
    chunks = [(kind + data, len(data)) for kind, data in zip(parts[::2], parts[1::2], strict=True)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", size) + body + struct.pack(">I", zlib.crc32(body))
        for body, size in [*chunks, (b"IEND", 0)]
    )


def header(width, height):
    return struct.pack(">IIBB3x", width, height, 8, 2)


@pytest.mark.parametrize("size", [(5001, 5000), (50_000, 50_000)])
def test_an_image_of_too_many_pixels_is_refused_by_its_header(size):
    with pytest.raises(InputError, match=r"bird.jpg has .*pixels.*; scale it down"):
        decode(png(b"IHDR", header(*size), b"IDAT", b"x"), size=8, name="bird.jpg")


def test_sixteen_bits_are_refused_as_they_would_all_be_white():
    with pytest.raises(InputError, match="has colour mode I;16"):
        square(Image.new("I;16", (8, 8), 40_000))


NOISE = noise(0, (64, 64))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"\xff\xd8\xff",
        encoded(NOISE, "PPM"),
        encoded(NOISE, "GIF")[:100],
        encoded(NOISE, "BMP")[:1000],
        encoded(NOISE, "TIFF")[:1000],
        encoded(NOISE, "JPEG")[:1500],
        encoded(NOISE, "WEBP")[:500],
        encoded(NOISE, "PNG")[:1000],
        encoded(NOISE, "PNG")[:1000] + b"x" + encoded(NOISE, "PNG")[1001:],
        png(b"IHDR", b"short", b"IDAT", b"x"),
        png(b"IHDR", header(0, 9), b"IDAT", b"x"),
        png(b"IHDR", header(8, 8), b"acTL", b"x", b"IDAT", zlib.compress(bytes(200))),
    ],
)
def test_what_cannot_be_decoded_is_one_message_that_names_the_file(content):
    with pytest.raises(InputError) as caught:
        decode(content, size=8, name="bird.jpg")
    assert str(caught.value).startswith("bird.jpg cannot be decoded as JPEG, PNG, WebP, BMP, TIFF or GIF (")
    assert " at 0x" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "MPO", "WEBP", "GIF", "TIFF"])
def test_the_first_of_several_images_is_taken(kind):
    first, second = Image.new("RGB", (16, 16), (200, 0, 0)), Image.new("RGB", (16, 16), (0, 0, 200))
    image = square(first, kind, save_all=True, append_images=[second])
    assert abs(image.astype(int) - [200, 0, 0]).max() <= 3


def test_a_colour_profile_changes_nothing():
    for kind in ("JPEG", "PNG"):
        assert np.array_equal(square(NOISE, kind, icc_profile=b"junk"), square(NOISE, kind))


IMAGES = [
    encoded(noise(1), "JPEG", exif=oriented(6), icc_profile=b"x" * 50),
    encoded(noise(1), "JPEG", progressive=True),
    encoded(noise(1).convert("CMYK"), "JPEG"),
    encoded(noise(1), "WEBP", exif=oriented(6)),
    encoded(noise(1), "PNG", exif=oriented(6)),
    encoded(noise(1).quantize(16), "PNG", transparency=bytes(range(16))),
    *(encoded(noise(1), kind) for kind in ("BMP", "TIFF", "GIF")),
    encoded(noise(1), "TIFF", compression="tiff_lzw"),
]


@settings(max_examples=400, deadline=None)
@given(image=st.sampled_from(IMAGES), seed=st.integers(0, 1 << 32))
def test_an_image_changed_anywhere_becomes_a_square_or_is_refused(image, seed):
    draw, content = random.Random(seed), bytearray(image)
    for _ in range(draw.randrange(1, 5)):
        start = draw.randrange(1 + len(content))
        content[start : start + draw.randrange(3)] = draw.randbytes(draw.randrange(3))
    try:
        found = decode(bytes(content), size=8, name="bird.jpg").shape
    except InputError as error:
        found = str(error)[:9]
    assert found in ((8, 8, 3), "bird.jpg ")
