"""Image files from anywhere become square RGB arrays, decoded within limits."""

import io
import struct
import warnings

import numpy as np
from PIL import ExifTags, Image

from stages.runtime.errors import InputError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
KINDS = "JPEG, PNG, WebP, BMP, TIFF or GIF"
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
RESIZES = ("squash", "crop", "pad")
MAX_PIXELS = 25_000_000  # of what is decoded; a JPEG may have more, as it can be decoded at a smaller size
WHITE, GREY = (255, 255, 255), (128, 128, 128)
_MODES = ("RGB", "L", "1", "P", "CMYK", "YCbCr", "RGBA", "LA", "PA")
_TURNS = {  # what makes an image upright, by EXIF's orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_UNREADABLE = (  # says Pillow
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, struct.error),
    *(ArithmeticError, RuntimeError),
)


def decode(content: bytes, *, size: int, name: str, resize: str = "squash") -> np.ndarray:
    """Decodes one image file and makes it a square.

    Args:
        content: the file's bytes, see `upright`.
        size: pixels.
        name: what to call it in an error.
        resize: see `square`.

    Returns:
        uint8[size, size, 3], RGB in [0, 255].

    Raises:
        InputError: not an image of FORMATS, damaged, too large, or of a colour mode with 16 or more bits.
    """
    return square(upright(content, name=name), size, resize)


def upright(content: bytes, *, name: str) -> Image.Image:
    """Decodes one image file.

    Args:
        content: the file's bytes. Transparency is laid on white, colour profiles are not applied, of several
            images the first is taken, and it is turned upright as its EXIF says. A JPEG of more than
            MAX_PIXELS is decoded at half or a quarter of its size.
        name: what to call it in an error.

    Returns:
        An image of mode RGB.

    Raises:
        InputError: not an image of FORMATS, damaged, too large, or of a colour mode with 16 or more bits.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata that nothing here depends on, and large images
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                _check_header(image, name)
                image.load()
                return _on_white(_turned(image))
    except Image.DecompressionBombError:
        raise InputError(f"{name} has more than {2 * Image.MAX_IMAGE_PIXELS} pixels; scale it down") from None
    except MemoryError:
        raise
    except _UNREADABLE as error:
        reason = str(error).partition(" <_io")[0]  # without the address of an object
        raise InputError(f"{name} cannot be decoded as {KINDS} ({reason})") from None


def square(image: Image.Image, size: int, resize: str = "squash") -> np.ndarray:
    """Scales an image to a square, bilinearly over all pixels it covers.

    Args:
        image: of mode RGB.
        size: pixels.
        resize: `squash` changes the sides' ratio; `crop` takes the largest square in the middle; `pad` keeps
            all of the image and fills the rest with GREY.

    Returns:
        uint8[size, size, 3], RGB in [0, 255].
    """
    width, height = image.size
    if resize == "pad":
        scale = size / max(width, height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        canvas = Image.new("RGB", (size, size), GREY)
        canvas.paste(_scaled(image, inner), ((size - inner[0]) // 2, (size - inner[1]) // 2))
        return np.asarray(canvas)
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side) if resize == "crop" else None
    return np.asarray(_scaled(image, (size, size), box))


def _scaled(
    image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> Image.Image:
    return image.resize(size, Image.Resampling.BILINEAR, box=box)


def _turned(image: Image.Image) -> Image.Image:
    """Turns an image as its camera noted; EXIF that cannot be read is ignored, as in every viewer."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except _UNREADABLE:
        orientation = None
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _on_white(image: Image.Image) -> Image.Image:
    """Returns an image of mode RGB, with its transparent parts laid on white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, WHITE), layer).convert("RGB")


def _check_header(image: Image.Image, name: str) -> None:
    """Refuses an image by its header, before memory is taken for its pixels; lets JPEG decode a part."""
    width, height = image.size
    part = next((part for part in (1, 2, 4, 8) if width * height <= part**2 * MAX_PIXELS), 1)
    if part > 1 and image.format in ("JPEG", "MPO"):
        image.draft(None, (width // part, height // part))
    if image.width * image.height > MAX_PIXELS:
        raise InputError(
            f"{name} has {width} x {height} pixels, expected at most {MAX_PIXELS}; scale it down"
        )
    if image.mode not in _MODES:  # 16 bits a pixel would come out all white
        raise InputError(f"{name} has colour mode {image.mode}, expected {', '.join(_MODES)}")
