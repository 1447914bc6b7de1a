"""Generated archives in the official formats: the study without a download, for a first look and for tests.

Equal arguments give equal bytes.
"""

import gzip
import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from stages.demo.drawings import draw, kind_name
from stages.runtime.hashes import file_hash

# The real names, in the official (alphabetical) order.
_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard
lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear
pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal
shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank
telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
FINE_NAMES = tuple(_NAMES.split())


def write_mirror(
    folder: Path,
    *,
    seed: int = 0,
    n_classes: int = 10,
    train_per_class: int = 48,
    test_per_class: int = 16,
    n_species: int = 10,
    train_per_species: int = 10,
    test_per_species: int = 5,
) -> None:
    """Writes cifar-100-python.tar.gz, images.tgz, lists.tgz and SHA256SUMS; nothing in them is real.

    Args:
        folder: made if it is missing.
        seed: another one draws other images.
        n_classes: of CIFAR-100's classes, from apple on; at most 100.
        train_per_class: images of each.
        test_per_class: images of each.
        n_species: of birds; at most 100.
        train_per_species: images of each.
        test_per_species: images of each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    counts = {"train": train_per_class, "test": test_per_class}
    _write_cifar100(folder / "cifar-100-python.tar.gz", seed=seed, n_classes=n_classes, counts=counts)
    counts = {"train": train_per_species, "test": test_per_species}
    _write_cub200(folder / "images.tgz", folder / "lists.tgz", seed=seed, n_species=n_species, counts=counts)
    write_checksums(folder)


def write_checksums(folder: Path) -> None:
    """Writes the SHA256SUMS of all files in a mirror folder, which vouches for them as generated ones."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{file_hash(folder / name)}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(["# generated\n", *lines]), encoding="utf-8")


def _write_cifar100(archive: Path, *, seed: int, n_classes: int, counts: dict[str, int]) -> None:
    """Writes an archive of the official layout: meta, test and train pickled, with keys of bytes."""
    contents = {"cifar-100-python/meta": _cifar_meta()}
    for number, split in enumerate(("test", "train")):
        generator = np.random.default_rng([seed, number])
        labels = generator.permutation(np.repeat(np.arange(n_classes), counts[split])).tolist()
        images = [draw(label, height=32, width=32, generator=generator) for label in labels]
        contents[f"cifar-100-python/{split}"] = _cifar_batch(images, labels, split)
    _write_tar(archive, contents)


def _write_cub200(images: Path, lists: Path, *, seed: int, n_species: int, counts: dict[str, int]) -> None:
    """Writes archives of the official layout: JPEG files of varying sizes, lists of train and test."""
    generator = np.random.default_rng([seed, 200])
    files, entries = {}, {"train": [], "test": []}
    for label in range(n_species):
        splits = [split for split in ("train", "test") for _ in range(counts[split])]
        for number, split in enumerate(splits, start=1):
            entry = f"{_species(label)}/{_species(label)[4:]}_{number:04d}.jpg"
            height, width = generator.integers(48, 97, size=2)
            image = draw(label, height=height, width=width, generator=generator)
            files[f"images/{entry}"] = _jpeg(image)
            entries[split].append(entry)
    entries["files"] = sorted(entries["train"] + entries["test"])
    entries["classes"] = [_species(label) for label in range(n_species)]
    _write_tar(images, files)
    _write_tar(lists, {f"lists/{name}.txt": "\n".join(lines).encode() for name, lines in entries.items()})


def _write_tar(archive: Path, contents: dict[str, bytes]) -> None:
    """Writes a .tar.gz of files by name; the same contents give the same bytes at any time."""
    with (
        archive.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def _species(label: int) -> str:
    return f"{label + 1:03d}.{kind_name(label).capitalize().replace(' ', '_')}"


def _jpeg(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _cifar_meta() -> bytes:
    fine = [name.encode() for name in FINE_NAMES]
    return pickle.dumps({b"fine_label_names": fine, b"coarse_label_names": [b"generated"] * 20}, 4)


def _cifar_batch(images: list[np.ndarray], labels: list[int], split: str) -> bytes:
    # (n, row, column, channel) -> (n, channel, row, column) -> (n, 3072)
    pixels = np.stack(images).transpose(0, 3, 1, 2).reshape(len(images), -1)
    filenames = [f"generated_{number:06d}.png".encode() for number in range(len(images))]
    batch = {b"filenames": filenames, b"batch_label": b"generated " + split.encode(), b"fine_labels": labels}
    return pickle.dumps(batch | {b"coarse_labels": [0] * len(labels), b"data": pixels}, 4)
