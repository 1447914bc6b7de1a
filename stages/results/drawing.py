"""How pictures look and how they are stored: colours, style, letters.

Colours are those of Okabe and Ito 2008, https://jfly.uni-koeln.de/color/, distinct for every kind of colour
vision; lines differ in their dashes too. Each picture is a PNG for the screen and, except for the confusion
matrix, which is pixels, an SVG with letters as outlines for print. Their bytes depend only on the data: the
style is Matplotlib's own, not that of a user's matplotlibrc, and no date or version is written.
(Letters that its font lacks come from fonts of the machine.) Git keeps these pictures, so the PNGs are stored
with a palette, which halves them.
"""

import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from PIL import Image

BLUE, VERMILION = "#0072B2", "#D55E00"
PALETTE = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")
GREY, DARK, PALE_BLUE = "#555555", "#222222", "#8FC1E0"
# what a picture for a light or a dark page is drawn with; the dark one has the colours of page.css
DAY = {"paper": "#FFFFFF", "ink": "#000000", "soft": GREY, "rule": "#E6E6E6", "pale": "#BFDDEF"}
DAY |= {"here": BLUE, "report": VERMILION}
NIGHT = {"paper": "#14181D", "ink": "#E8ECF1", "soft": "#A9B3BF", "rule": "#353D47", "pale": "#1F4E73"}
NIGHT |= {"here": "#4A9FE0", "report": "#FF8438"}

COLOURS = 256  # of a stored picture
FONT = "DejaVu Sans"
BOXES = "Last Resort High-Efficiency"  # Matplotlib's own font that has a box for every letter
MOST_FONTS = 3  # in addition, for letters that it lacks
LONGEST = 28  # letters of a name in a picture

STYLE = {
    "axes.edgecolor": "#999999",  # on either paper
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.dpi": 200,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "font.size": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "convnet-study",  # instead of random names of clip paths
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
}
COLOURED = {  # colour of a palette
    **dict.fromkeys(("figure.facecolor", "axes.facecolor"), "paper"),
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), "ink"),
    "grid.color": "rule",
}
NOT_WRITTEN = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # into the SVG


@contextmanager
def figure(
    path: Path,
    size: tuple[float, float],
    title: str,
    *,
    colours: np.ndarray | None = None,
    palette: Mapping[str, str] = DAY,
) -> Iterator[Figure]:
    """Yields an empty figure and saves it as PNG, and as SVG unless its colours are given.

    Args:
        path: of the PNG.
        size: in inches.
        title: above it.
        colours: uint8[COLOURS, 3], the palette of the PNG; None chooses one.
        palette: DAY or NIGHT.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        matplotlib.rcParams.update({key: palette[colour] for key, colour in COLOURED.items()})
        drawn = Figure(figsize=size, layout="constrained")
        drawn.suptitle(title)
        yield drawn
        canvas = FigureCanvasAgg(drawn)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font")  # `_find_letters` says so, once
            canvas.draw()
            if _find_letters(drawn, path):
                canvas.draw()
            drawn.set_layout_engine("none")  # the SVG keeps the layout
            pixels = np.asarray(canvas.buffer_rgba())[:, :, :3]
            if colours is None:
                image = Image.fromarray(pixels).quantize(COLOURS, dither=Image.Dither.NONE)
            else:
                image = _indexed(pixels, colours)
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path, format="PNG", optimize=True)
            if colours is None:
                drawn.savefig(path.with_suffix(".svg"), metadata=NOT_WRITTEN)
            del canvas.renderer  # its 8 MB, as a figure holds itself until Python looks for garbage


def labels(names: Sequence[str]) -> list[str]:
    """Returns a label for each name in a picture: short, printable, and never the same for two names."""
    shown = [_printable(name) for name in names]
    for cut in (_start, _both_ends):
        short = [cut(name) for name in shown]
        if len(set(short)) == len(names):
            return short
    return [f"{place}: {_start(name)}" for place, name in enumerate(shown)]


def _printable(name: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def _start(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _both_ends(name: str) -> str:
    half = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[: half - 1]}…{name[-half:]}"


def _find_letters(drawn: Figure, path: Path) -> bool:
    """Gives texts further fonts where Matplotlib's lacks letters; prints those that no font has in one line.

    Returns:
        Whether there are letters of another font.
    """
    texts = drawn.findobj(Text)
    missing = set().union(*(text.get_text() for text in texts)) - {"\n"}
    missing -= _letters(font_manager.findfont(FONT))
    fonts, missing = _fonts_of(missing) if missing else ([], missing)
    for text in texts if fonts else ():
        text.set_fontfamily([FONT, *fonts])
    if missing:
        some = " ".join(sorted(missing)[:10])
        print(f"{path.name}: no font for {len(missing)} letters, shown as boxes: {some}", file=sys.stderr)
    return bool(fonts)


def _fonts_of(letters: set[str]) -> tuple[list[str], set[str]]:
    """Returns installed fonts that have most of these letters, and the letters that none of them has."""
    installed = sorted({entry.fname: entry.name for entry in font_manager.fontManager.ttflist}.items())
    known = [(_letters(file) & letters, name) for file, name in installed if name != BOXES]
    fonts: list[str] = []
    while letters and len(fonts) < MOST_FONTS:
        found, name = max(known, key=lambda font: len(font[0] & letters))
        if not found & letters:
            break
        fonts.append(name)
        letters = letters - found
    return fonts, letters


def _letters(file: str) -> set[str]:
    """Returns the letters of a font; none for one that does not scale, such as coloured emoji."""
    try:
        font = FT2Font(file)
    except (OSError, RuntimeError):
        return set()
    return {chr(code) for code in font.get_charmap()} if font.scalable else set()


def _indexed(pixels: np.ndarray, colours: np.ndarray) -> Image.Image:
    """Returns an image with only these colours, uint8[COLOURS, 3]: for each pixel the nearest one."""
    red, green, blue = (pixels[:, :, i].astype(np.int32) for i in range(3))
    numbers = red << 16 | green << 8 | blue
    places = np.zeros(1 << 24, np.uint8)  # of each colour that an image may have, which is faster than a sort
    places[numbers] = 1
    found = np.flatnonzero(places)
    rgb = found[:, np.newaxis] >> np.array([16, 8, 0]) & 255
    distances = ((rgb[:, np.newaxis] - colours.astype(int)) ** 2).sum(axis=2)  # (found, COLOURS)
    places[found] = distances.argmin(axis=1)
    image = Image.fromarray(places[numbers])
    image.putpalette(colours.tobytes())
    return image
