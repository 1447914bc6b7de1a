"""Archives and folders of a few images, as tests of datasets need them."""

import gzip
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FINE_NAMES = [f"class_{number:02d}" for number in range(100)]


def write_tar(archive: Path, contents: dict[str, bytes]) -> None:
    """Writes a .tar.gz of files by name; the same contents give the same bytes."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with (
        archive.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def cifar_batch(n_classes: int, per_class: int, *, seed: int = 0) -> dict[str, Any]:
    """Returns the dict of `train` or `test`: noise of some classes, the first ones."""
    pixels = np.random.default_rng(seed).integers(0, 256, (n_classes * per_class, 3072), np.uint8)
    return {"data": pixels, "fine_labels": [row % n_classes for row in range(len(pixels))]}


def write_cifar100(folder: Path, *, dumps: Any = pickle.dumps, **parts: Any) -> Path:
    """Writes cifar-100-python.tar.gz of four classes, ten train and four test images each; returns it.

    Args:
        folder: made where it is missing.
        dumps: pickles a dict.
        parts: in place of meta, train or test; None leaves it out.
    """
    whole = {
        "meta": {"fine_label_names": FINE_NAMES},
        "train": cifar_batch(4, 10),
        "test": cifar_batch(4, 4, seed=1),
    } | parts
    archive = folder / "cifar-100-python.tar.gz"
    contents = {f"cifar-100-python/{name}": dumps(part) for name, part in whole.items() if part is not None}
    write_tar(archive, contents)
    return archive


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """Returns an image as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(seed: int, size: tuple[int, int] = (9, 7)) -> Image.Image:
    """Returns an image that no other seed gives."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8))


def write_folder(folder: Path, counts: dict[str, int], *, seed: int = 0) -> Path:
    """Writes so many PNG images into each named sub-folder; returns the folder."""
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            seed += 1
            (folder / name / f"{number}.png").write_bytes(encoded(noise(seed)))
    return folder
