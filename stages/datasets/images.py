"""Image files from anywhere become square RGB arrays, decoded within limits."""

import io
import struct
import warnings

import numpy as np
from PIL import ExifTags, Image

from stages.runtime.errors import InputError

FORMATS = ("JPEG", "PNG", "WEBP")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
MAX_PIXELS = 25_000_000
_MODES = ("RGB", "L", "1", "P", "CMYK", "YCbCr", "RGBA", "LA")
_TURNS = {  # what makes an image upright, by EXIF's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, LookupError, struct.error)  # says Pillow


def decode(content: bytes, *, size: int, name: str) -> np.ndarray:
    """Decodes one JPEG, PNG or WebP and squashes it to a square.

    Args:
        content: the file's bytes, of any size and colour mode. Transparency is dropped, colour profiles are
            not applied, of several images the first is taken, and it is turned upright as its EXIF says.
        size: pixels.
        name: what to call it in an error.

    Returns:
        uint8[size, size, 3], RGB in [0, 255].

    Raises:
        InputError: not an image of these formats, damaged, or of more than 25 megapixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on metadata that nothing here depends on
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                _check_header(image, name)
                image.load()
                rgb = _upright(image).convert("RGB")
                return np.asarray(rgb.resize((size, size), Image.Resampling.BILINEAR))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(f"{name} has more than {MAX_PIXELS} pixels; scale it down") from None
    except _UNREADABLE as error:
        reason = str(error).partition(" <_io")[0]  # not the address of an object
        raise InputError(f"{name} cannot be decoded as JPEG, PNG or WebP ({reason})") from None


def _upright(image: Image.Image) -> Image.Image:
    """Turns an image as its camera noted; EXIF that cannot be read notes nothing, as in every viewer."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except _UNREADABLE:
        orientation = None
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _check_header(image: Image.Image, name: str) -> None:
    """Refuses an image by its header, before memory is taken for its pixels."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name} has {width} x {height} pixels, expected at most {MAX_PIXELS}; scale it down"
        )
    if image.mode not in _MODES:  # 16 bits a pixel would come out all white
        raise InputError(f"{name} has colour mode {image.mode}, expected {', '.join(_MODES)}")
