"""Drawn images of a hundred kinds, for generated archives or as a folder of three classes.

Every kind is a hue, a shape and a texture, on a noisy ground at varying place, size and brightness; all
shapes are symmetric, so neither mirroring nor zooming changes a label.
"""

import argparse
from pathlib import Path

import numpy as np

from stages.runtime.atomic import replacing
from stages.runtime.errors import InputError, run

HUES = ("red", "green", "blue", "yellow", "violet")
SHAPES = ("disk", "square", "ring", "diamond", "cross")
TEXTURES = ("plain", "striped", "checked", "dark")
_COLOURS = np.array([[0.9, 0.2, 0.2], [0.2, 0.8, 0.2], [0.2, 0.3, 0.9], [0.9, 0.8, 0.1], [0.7, 0.2, 0.8]])


OWN = (0, 7, 14)  # classes of the example of an own folder
OWN_IMAGES = 40  # of each of them


def main(argv: list[str] | None = None) -> None:
    """Writes an example of a user's own folder and prints how to use it."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.demo.drawings",
        description="Writes three classes of 40 drawn images each, like a folder of your own.",
        epilog="example: python -m stages.demo.drawings my_images",
    )
    parser.add_argument("folder", type=Path, help="the folder to make")
    folder = parser.parse_args(argv).folder
    write_folder(folder)
    print(f"""{folder}: {OWN_IMAGES} images of each of {", ".join(kind_name(label) for label in OWN)}
To train on them: python -m stages.new ../shapes {folder}""")


def write_folder(folder: Path) -> None:
    """Writes a sub-folder per class, of PNG and JPEG files of varying sizes; equal bytes each time.

    Raises:
        InputError: the folder exists.
    """
    from PIL import Image

    if folder.exists():
        raise InputError(f"{folder} exists; name a new folder")
    with replacing(folder) as partial:
        for label in OWN:
            generator = np.random.default_rng([label, 3])
            (partial / kind_name(label)).mkdir(parents=True)
            for number in range(OWN_IMAGES):
                height, width = generator.integers(40, 97, size=2)
                image = Image.fromarray(draw(label, height=height, width=width, generator=generator))
                image.save(partial / kind_name(label) / f"{number:02d}.{('png', 'jpg')[number % 2]}")


def draw(label: int, *, height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Draws one image of a class.

    Args:
        label: 0 to 99.
        height: pixels.
        width: pixels.
        generator: place, size, brightness and noise come from it.

    Returns:
        uint8[height, width, 3], RGB in [0, 255].
    """
    hue, shape, texture = _kind(label)
    ground = _ground(height, width, generator)
    y, x = _grid(height, width, generator)
    colour = _COLOURS[hue] + generator.normal(0, 0.08, 3)
    figure = colour * _brightness(texture, y, x)[..., None]
    image = np.where(_is_inside(shape, y, x)[..., None], figure, ground)
    image = image * generator.uniform(0.7, 1.1) + generator.normal(0, 0.06, image.shape)
    return (np.clip(image, 0, 1) * 255).round().astype(np.uint8)


def _kind(label: int) -> tuple[int, int, int]:
    """Returns hue, shape and texture: a triple for each of 100 labels; neighbours differ in all three."""
    return label % 5, (label // 5 + label) % 5, (label // 25 + label % 25) % 4


def kind_name(label: int) -> str:
    """Returns what a class shows, such as `plain red disk`."""
    hue, shape, texture = _kind(label)
    return f"{TEXTURES[texture]} {HUES[hue]} {SHAPES[shape]}"


def _ground(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Returns blotches of grey with a tinge, float64[height, width, 3] in about [0, 1]."""
    blotches = generator.uniform(0.25, 0.75, (6, 6, 1)) + generator.normal(0, 0.08, (6, 6, 3))
    rows, columns = np.arange(height) * 6 // height, np.arange(width) * 6 // width
    return blotches[rows][:, columns]


def _grid(height: int, width: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns coordinates in which the figure fills [-1, 1], float64[height, 1] and float64[1, width]."""
    size = generator.uniform(0.28, 0.42)
    centre_y, centre_x = generator.uniform(0.38, 0.62, 2)
    y = ((np.arange(height) + 0.5) / height - centre_y) / size
    x = ((np.arange(width) + 0.5) / width - centre_x) / size
    return y[:, None], x[None, :]


def _is_inside(shape: int, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    radius, extent = np.hypot(y, x), np.maximum(abs(y), abs(x))
    match SHAPES[shape]:
        case "disk":
            return radius < 0.95
        case "square":
            return extent < 0.85
        case "ring":
            return (radius < 1) & (radius > 0.5)
        case "diamond":
            return abs(y) + abs(x) < 1.1
        case _:  # cross
            return (extent < 1) & (np.minimum(abs(y), abs(x)) < 0.35)


def _brightness(texture: int, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    stripes, columns = np.floor(y * 3) % 2, np.floor(abs(x) * 3) % 2
    match TEXTURES[texture]:
        case "plain":
            return np.ones(np.broadcast(y, x).shape)
        case "striped":
            return np.broadcast_to(0.5 + 0.5 * stripes, np.broadcast(y, x).shape)
        case "checked":
            return 0.5 + 0.5 * (stripes != columns)
        case _:  # dark
            return np.full(np.broadcast(y, x).shape, 0.6)


if __name__ == "__main__":
    run(main)
